/**
 * Building blocks that turn plain values of a policy document into JSON of the wire, and back.
 *
 * The wire has no way to write an empty text, a zero or an empty list: it sends nothing instead.
 * Where a document means something else by such a value than by leaving it out, the value is
 * refused with its place.
 *
 * @module
 */

import { CodedError } from "../proto/errors.ts";

/** A document or message says something that the other form has no words for. */
export class PolicyWireError extends CodedError {
  override readonly name = "PolicyWireError";
  override readonly code = "invalid_argument";

  /** `path` is as in `network_policies.github.endpoints[0].port`; empty for the whole policy. */
  constructor(readonly path: string, detail: string) {
    super(`Cannot convert the policy "${path}": ${detail}`);
  }
}

/** A map with keys of its own only. */
export type Plain = Readonly<Record<string, unknown>>;

/** One kind of value, in both directions. `path` is where it stands in the document. */
export interface Codec {
  readonly toWire: (value: unknown, path: string) => unknown;
  readonly fromWire: (value: unknown, path: string) => unknown;
}

/** One key of a record. */
export interface FieldCodec extends Codec {
  /** Name of the field on the wire, where it is another. */
  readonly wire?: string;
  /** The wire leaves an empty value out, and to the policy that is another thing. */
  readonly refusesEmpty?: boolean;
}

export const TEXT: Codec = codecOf(
  "text",
  (value) => typeof value === "string" && value.isWellFormed(),
);

export const FLAG: Codec = codecOf("true or false", (value) => typeof value === "boolean");

/** A whole number of 32 bits without sign. */
export const UNSIGNED: Codec = codecOf(
  "a whole number from 0 to 4294967295",
  (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32,
);

/** A whole number of 32 bits with sign. */
export const SIGNED: Codec = codecOf(
  "a whole number of 32 bits",
  (value) => Number.isInteger(value) && Number(value) === (Number(value) | 0),
);

/** A map of anything that JSON has. */
export const JSON_MAP: Codec = {
  toWire(value, path) {
    plainMap(value, path);
    refuseInfinite(value, path);
    return value;
  },
  fromWire: (value) => value,
};

/** Returns a codec whose empty values are refused on the way to the wire. */
export function notEmpty(codec: Codec): FieldCodec {
  return { ...codec, refusesEmpty: true };
}

/** Returns a codec of a key that the wire calls something else. */
export function renamed(wire: string, codec: FieldCodec): FieldCodec {
  return { ...codec, wire };
}

export function listOf(item: Codec): Codec {
  const each = (direction: "toWire" | "fromWire") => (value: unknown, path: string) => {
    if (!Array.isArray(value)) throw new PolicyWireError(path, "it should be a list");
    return value.map((entry, index) => item[direction](entry, `${path}[${index}]`));
  };
  return { toWire: each("toWire"), fromWire: each("fromWire") };
}

/** Returns a codec of maps whose keys the author chooses. */
export function mapOf(value: Codec): Codec {
  const each = (direction: "toWire" | "fromWire") => (map: unknown, path: string) =>
    Object.fromEntries(
      Object.entries(plainMap(map, path)).map(([key, entry]) => [
        key,
        value[direction](entry, childPath(path, key)),
      ]),
    );
  return { toWire: each("toWire"), fromWire: each("fromWire") };
}

/** Returns a codec of maps with exactly these keys; any other key is refused. */
export function recordOf(fields: Readonly<Record<string, FieldCodec>>): Codec {
  const keyOfWire = new Map(
    Object.entries(fields).map(([key, { wire = key }]) => [wire, key] as const),
  );
  return {
    toWire(value, path) {
      const entries = Object.entries(plainMap(value, path)).map(([key, entry]) => {
        const field = Object.hasOwn(fields, key) ? fields[key]! : null;
        const at = childPath(path, key);
        if (field === null) throw new PolicyWireError(at, "the wire has no such field");
        const wire = field.toWire(entry, at);
        if (field.refusesEmpty === true && isEmpty(wire)) {
          throw new PolicyWireError(at, "it is empty, which the wire cannot tell from absent");
        }
        return [field.wire ?? key, wire] as const;
      });
      return Object.fromEntries(entries);
    },
    fromWire(value, path) {
      const entries = Object.entries(plainMap(value, path)).map(([wire, entry]) => {
        const key = keyOfWire.get(wire);
        const at = childPath(path, key ?? wire);
        if (key === undefined) {
          throw new PolicyWireError(at, "a policy document has no such key");
        }
        return [key, fields[key]!.fromWire(entry, at)] as const;
      });
      return Object.fromEntries(entries);
    },
  };
}

/** Returns a codec that rewrites a record before it goes to the wire, and after it came back. */
export function reshaped(
  codec: Codec,
  { before, after }: {
    readonly before: (record: Plain, path: string) => Plain;
    readonly after: (record: Plain, path: string) => Plain;
  },
): Codec {
  return {
    toWire: (value, path) => codec.toWire(before(plainMap(value, path), path), path),
    fromWire: (value, path) => after(codec.fromWire(value, path) as Plain, path),
  };
}

/** @throws {PolicyWireError} where the value is no map. */
export function plainMap(value: unknown, path: string): Plain {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Plain;
  throw new PolicyWireError(path, "it should be a map");
}

export function childPath(path: string, key: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

function codecOf(what: string, isRight: (value: unknown) => boolean): Codec {
  return {
    toWire(value, path) {
      if (isRight(value)) return value;
      throw new PolicyWireError(path, `it should be ${what}`);
    },
    fromWire: (value) => value,
  };
}

function refuseInfinite(value: unknown, path: string): void {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new PolicyWireError(path, "it should be a finite number");
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, entry] of Object.entries(value)) refuseInfinite(entry, childPath(path, key));
}

function isEmpty(value: unknown): boolean {
  return value === "" || value === 0 || (Array.isArray(value) && value.length === 0);
}
