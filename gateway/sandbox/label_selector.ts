/**
 * Labels and annotations: what they may be, and how a list is narrowed down by them.
 *
 * @module
 */

import { ANNOTATION_BYTES_MAX, ANNOTATIONS_BYTES_MAX, LABELS_MAX } from "../../proto/limits.ts";
import { InvalidSandboxError } from "./sandbox_errors.ts";

type Texts = Readonly<Record<string, string>>;

/** @throws {InvalidSandboxError} */
export function checkLabels(labels: Texts): void {
  checkCount("labels", labels);
  for (const [key, value] of Object.entries(labels)) {
    checkKey("label", key);
    if (!/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/.test(value)) {
      const detail = "its value is not up to 63 letters, digits, dots, hyphens and underscores";
      throw new InvalidSandboxError(`label "${key}"`, detail);
    }
  }
}

/** @throws {InvalidSandboxError} */
export function checkAnnotations(annotations: Texts): void {
  checkCount("annotations", annotations);
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    checkKey("annotation", key);
    const own = new TextEncoder().encode(value).length;
    bytes += own;
    if (own > ANNOTATION_BYTES_MAX) {
      const detail = `its value has more than ${ANNOTATION_BYTES_MAX} bytes`;
      throw new InvalidSandboxError(`annotation "${key}"`, detail);
    }
  }
  if (bytes > ANNOTATIONS_BYTES_MAX) {
    throw new InvalidSandboxError(
      "annotations",
      `they have more than ${ANNOTATIONS_BYTES_MAX} bytes`,
    );
  }
}

/** Reads `key=value,…`, as `==` too; all have to hold. @throws {InvalidSandboxError} */
export function parseLabelSelector(text: string): Texts {
  if (text.trim() === "") return {};
  const entries = text.split(",").map((part) => {
    const [, key, value] = /^\s*([^=!\s]+)\s*==?\s*([^=\s]*)\s*$/.exec(part) ?? [];
    if (key !== undefined && value !== undefined) return [key, value] as const;
    throw new InvalidSandboxError("the label selector", `"${part}" is not key=value`);
  });
  const labels = Object.fromEntries(entries);
  // Of two values for one key only one would count, and more would be selected than was asked for.
  if (Object.keys(labels).length < entries.length) {
    throw new InvalidSandboxError("the label selector", "a key is there twice");
  }
  checkLabels(labels);
  return labels;
}

function checkCount(what: string, texts: Texts): void {
  if (Object.keys(texts).length <= LABELS_MAX) return;
  throw new InvalidSandboxError(what, `there are more than ${LABELS_MAX}`);
}

const PREFIX = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

function checkKey(kind: string, key: string): void {
  const parts = key.split("/");
  const name = parts.at(-1) ?? "";
  const isGood = NAME.test(name) && parts.length <= 2 &&
    (parts.length === 1 || PREFIX.test(parts[0]!));
  if (!isGood) throw new InvalidSandboxError(`${kind} "${key}"`, "its key is not [prefix/]name");
}
