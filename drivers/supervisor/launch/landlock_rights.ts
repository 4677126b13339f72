/**
 * Landlock's rights as numbers: which ones each level of the kernel knows, and which a path gets.
 *
 * Pure. Level 4 adds rights by TCP port; they are not used, because the sandbox's own network
 * namespace has nothing but loopback, and a development server there may take any port.
 *
 * @module
 */

import type { Access } from "./mount_plan.ts";

/** The newest level that this file knows; a newer kernel still understands it. */
export const LANDLOCK_ABI_KNOWN = 7;

const EXECUTE = 1n << 0n;
const WRITE_FILE = 1n << 1n;
const READ_FILE = 1n << 2n;
const READ_DIR = 1n << 3n;
const MAKE_CHAR = 1n << 6n;
const MAKE_BLOCK = 1n << 11n;
const REFER = 1n << 13n;
const TRUNCATE = 1n << 14n;
const IOCTL_DEV = 1n << 15n;

/** `EXECUTE` to `MAKE_SYM`. */
const FIRST_LEVEL = (1n << 13n) - 1n;

const FOR_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

/** Scopes of level 6: abstract unix sockets, and signals. */
const SCOPES = 3n;

/** Returns the rights over files that are refused unless a rule allows them. */
export function handledRights(abi: number): bigint {
  return FIRST_LEVEL | (abi >= 2 ? REFER : 0n) | (abi >= 3 ? TRUNCATE : 0n) |
    (abi >= 5 ? IOCTL_DEV : 0n);
}

/** Returns what cannot cross the border of the sandbox. */
export function handledScopes(abi: number): bigint {
  return abi >= 6 ? SCOPES : 0n;
}

/**
 * Returns the rights of one path. No path lets device files be made, and only places for devices
 * let them be commanded. For plain files the rights over folders are `EINVAL`, so they are left out.
 */
export function accessRights({ level, file, devices }: Access, abi: number): bigint {
  const read = EXECUTE | READ_FILE | READ_DIR;
  const write = handledRights(abi) & ~(MAKE_CHAR | MAKE_BLOCK | (devices ? 0n : IOCTL_DEV));
  return (level === "read" ? read : write) & (file ? FOR_FILES : ~0n);
}

/** Returns `struct landlock_ruleset_attr`, as long as the level knows it. */
export function encodeRuleset(abi: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(abi >= 6 ? 24 : abi >= 4 ? 16 : 8));
  view.setBigUint64(0, handledRights(abi), true);
  if (abi >= 6) view.setBigUint64(16, handledScopes(abi), true);
  return new Uint8Array(view.buffer);
}

/** Returns `struct landlock_path_beneath_attr`. */
export function encodePathRule(rights: bigint, descriptor: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(12));
  view.setBigUint64(0, rights, true);
  view.setInt32(8, descriptor, true);
  return new Uint8Array(view.buffer);
}
