/**
 * Messages to the gateway: what can be decoded is checked, and refused with an error of its own or
 * kept within all bounds; a sandbox gets past the guard for itself alone.
 *
 * @module
 */

import assert from "node:assert/strict";
import { create, fromBinary, type MessageInitShape, toBinary, toJson } from "@bufbuild/protobuf";
import { authorize, authorizeMessage } from "../../../gateway/auth/authorize.ts";
import { findSubject } from "../../../gateway/auth/message_subject.ts";
import { checkRequest, environmentOf } from "../../../gateway/sandbox/check_request.ts";
import { readDriverOptions } from "../../../gateway/sandbox/driver_options.ts";
import { CodedError } from "../../../proto/errors.ts";
import {
  type CreateSandboxRequest,
  CreateSandboxRequestSchema,
  OpenShell,
} from "../../../proto/gen/openshell/v1/openshell_pb.ts";
import {
  BINDS_MAX,
  COMMAND_BYTES_MAX,
  COMMAND_WORDS_MAX,
  ENVIRONMENT_ENTRIES_MAX,
  LABELS_MAX,
} from "../../../proto/limits.ts";
import type { Chance } from "../../differential/generate.ts";
import { mutate } from "../mutate.ts";
import { chanceOf, type Target } from "../target.ts";

const OWN = "own-sandbox";

export const GATEWAY_REQUEST: Target = {
  name: "gateway_request",
  holds: "a request is refused in words or within all bounds, and a sandbox asks for itself alone",
  iterations: 1000,
  generate: (chance) => {
    const input = anyRequest(chance);
    if (chance.once(8)) return input;
    return mutate(input, chance, { other: anyRequest(chance), words: WORDS, changesMax: 5 });
  },
  check: (input) => {
    checkCreate(input);
    checkSubject(input);
  },
};

const WORDS = [
  OWN,
  "\x0a\x0bown-sandbox",
  "\x0a\x05other",
  "\x12\x02",
  "\x1a\x00",
  "__proto__",
  "\0",
];

type Init = MessageInitShape<typeof CreateSandboxRequestSchema>;

function anyRequest(chance: Chance): Uint8Array {
  const keys = ["a", "a/b", "__proto__", "constructor", "PATH", "OPENSHELL_X", "1", "x.y/z-1", ""];
  const values = ["", "a", "v".repeat(100), "a\nb", "a\0b", "ä", "Z9_-."];
  const map = () =>
    Object.fromEntries(chance.some(0, 3, () => [chance.of(keys), chance.of(values)] as const));
  const json = () => chance.of([1, "500m", "1Gi", -1, null, true, [], {}, "1e400", { a: [] }]);
  const bind = () => ({
    source: chance.of(["/a", "/a//b/", "a", "/", "/../x", "", 1]),
    target: chance.of(["/w", "/", "/w/./x", "w"]),
    ...(chance.once(2) && { read_only: chance.of([true, false, "false", null]) }),
    ...(chance.once(3) && { unprotect: chance.of([[], [".git"], ["/x"], ["../x"], "x"]) }),
  });
  const init = {
    name: chance.of(["", "demo", "a--b", "-a", "UPPER", "a".repeat(20), "demo\n"]),
    labels: map(),
    annotations: map(),
    spec: {
      command: chance.some(0, 3, () => chance.of(["", "sh", "-c", "a\0b", "x".repeat(5000)])),
      environment: map(),
      template: {
        environment: map(),
        resources: { limits: { cpu: json(), memory: json(), pids: json() } },
        driverConfig: { embedded: { binds: chance.some(0, 2, bind) } },
      },
    },
  };
  const message = create(CreateSandboxRequestSchema, init as Init);
  return toBinary(CreateSandboxRequestSchema, message);
}

function checkCreate(input: Uint8Array): void {
  const message = decode(() => fromBinary(CreateSandboxRequestSchema, input));
  if (message?.spec === undefined) return;
  const { name, labels, annotations, spec } = message;
  const isTaken = succeeds(() => checkRequest({ name, workspace: "", labels, annotations, spec }));
  const options = { resources: null as unknown, binds: [] as readonly unknown[] };
  const isRead = succeeds(() =>
    Object.assign(options, readDriverOptions(spec.template, "embedded"))
  );
  if (isTaken) checkBounds(message);
  if (isRead) checkOptions(options);
  assert.equal(Object.keys(Object.prototype).length, 0, "a prototype was changed");
}

function checkBounds({ name, labels, spec }: CreateSandboxRequest): void {
  assert.ok(name === "" || /^[a-z0-9-]{1,19}$/.test(name), "a name that is none");
  assert.ok(Object.keys(labels).length <= LABELS_MAX);
  const { command } = spec!;
  assert.ok(command.length <= COMMAND_WORDS_MAX && command.join("\0").length <= COMMAND_BYTES_MAX);
  assert.ok(!command.some((word) => word.includes("\0")), "a word of the command ends early");
  assert.notEqual(command[0], "");
  const environment = Object.entries(environmentOf(spec!));
  assert.ok(environment.length <= ENVIRONMENT_ENTRIES_MAX);
  for (const [key, value] of environment) {
    assert.match(key, /^[A-Za-z_][A-Za-z0-9_]*$/);
    assert.ok(!key.startsWith("OPENSHELL_"), "a variable of our own is set");
    assert.ok(!/[\0\r\n]/.test(value), "a variable ends early");
  }
}

function checkOptions({ resources, binds }: { resources: unknown; binds: readonly unknown[] }) {
  assert.ok(binds.length <= BINDS_MAX);
  for (const amount of Object.values(resources as Record<string, number | null>)) {
    assert.ok(amount === null || (Number.isFinite(amount) && amount > 0), "a limit that is none");
  }
  for (const bind of binds as { source: string; target: string; unprotect: string[] }[]) {
    for (const path of [bind.source, bind.target]) {
      assert.match(path, /^\/[^\0]+$/);
      assert.equal(new URL(`file://${encodeURI(path)}`).pathname.endsWith("/"), false);
      assert.ok(!path.split("/").some((part) => part === "." || part === ".."), path);
      assert.ok(!path.includes("//"));
    }
    for (const path of bind.unprotect) assert.ok(!path.startsWith("/"), path);
  }
}

const PRINCIPAL = { kind: "sandbox", sandboxId: OWN } as const;

/** The bytes as the message of one method after another. */
function checkSubject(input: Uint8Array): void {
  const chance = chanceOf(input);
  for (let left = 6; left > 0; left--) {
    const method = chance.of(OpenShell.methods);
    const message = decode(() => fromBinary(method.input, input));
    if (message === null) continue;
    const { sandboxIds, named } = findSubject(method.input, message);
    const subject = named === null ? { sandboxIds } : { sandboxIds, namedSandboxId: null };
    if (authorize(method, PRINCIPAL as never).verdict === "deny") continue;
    const { verdict } = authorizeMessage(method, PRINCIPAL as never, subject);
    const mode = authorize(method, { kind: "anonymous" } as never).verdict;
    if (verdict === "deny" || mode === "allow") continue;
    const json = decode(() => toJson(method.input, message, { useProtoFieldName: true }));
    const ids = idsAtTop(json);
    assert.deepEqual(ids.filter((id) => id !== OWN), [], `${method.name} for another sandbox`);
  }
}

function idsAtTop(json: unknown): readonly unknown[] {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return [];
  const { sandbox_id: id } = json as Record<string, unknown>;
  return id === undefined ? [] : [id];
}

/** What is no message never gets as far as to us. */
function decode<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function succeeds(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof CodedError) {
      assert.ok(error.message.length < 5000, "a message as long as what it is about");
      return false;
    }
    throw error;
  }
}
