/**
 * PEM and DER: bytes that are read are written the same, and all others are refused in words.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  createAuthority,
  issueCertificate,
  loadAuthority,
} from "../../../drivers/system/pki/certificate.ts";
import {
  type DerElement,
  element,
  readElement,
  readElements,
} from "../../../drivers/system/pki/der.ts";
import { exportKeyPem } from "../../../drivers/system/pki/keys.ts";
import { decodePem, encodePem } from "../../../drivers/system/pki/pem.ts";
import { CodedError } from "../../../proto/errors.ts";
import { mutate } from "../mutate.ts";
import { latin1Bytes, latin1Text, type Target } from "../target.ts";

const AUTHORITY = await createAuthority({
  commonName: "Fuzz",
  organization: "OpenShell",
  days: 1,
  extractable: true,
});
const KEY_PEM = await exportKeyPem(AUTHORITY.key);
const LEAF = await issueCertificate(AUTHORITY, {
  commonName: "a.example",
  dnsNames: ["a.example"],
  ipAddresses: ["::1"],
  usage: "both",
  days: 1,
});

const PEMS = [AUTHORITY.certPem, LEAF.certPem, KEY_PEM];
const DERS = [
  decodePem("CERTIFICATE", AUTHORITY.certPem),
  decodePem("CERTIFICATE", LEAF.certPem),
  decodePem("PRIVATE KEY", KEY_PEM),
];

export const CERTIFICATE: Target = {
  name: "certificate",
  holds: "PEM and DER are read as they were written, or refused in words",
  iterations: 600,
  generate: (chance) => {
    const [der, pem] = [chance.of(DERS), chance.of(PEMS)];
    const changes = { changesMax: 4, words: WORDS, other: chance.of(DERS) };
    if (chance.once(3)) return mutate(latin1Bytes(pem), chance, changes);
    const changed = mutate(der, chance, changes);
    return chance.once(2) ? changed : latin1Bytes(encodePem("CERTIFICATE", changed));
  },
  check: async (input) => {
    checkDer(input, 0);
    const text = latin1Text(input);
    for (const label of ["CERTIFICATE", "PRIVATE KEY"] as const) {
      const der = inWords(() => decodePem(label, text));
      if (der === null) continue;
      assert.deepEqual(decodePem(label, encodePem(label, der)), der);
      checkDer(der, 0);
    }
    await checkAuthority(text, KEY_PEM);
    await checkAuthority(AUTHORITY.certPem, text);
  },
};

const WORDS = [
  "\x30\x80",
  "\x30\x84\xff\xff\xff\xff",
  "\x1f\x81",
  "\x02\x00",
  "\x30\x00",
  "\xa3\x00",
];

const DEPTH_MAX = 40;

function checkDer(bytes: Uint8Array, depth: number): void {
  inWords(() => readElement(bytes));
  const elements = inWords(() => readElements(bytes));
  if (elements === null) return;
  for (const read of elements) {
    const { tag, content, whole }: DerElement = read;
    assert.deepEqual(element(tag, content), whole, "it is written otherwise");
    if ((tag & 0x20) !== 0 && depth < DEPTH_MAX) checkDer(content, depth + 1);
  }
}

async function checkAuthority(certPem: string, keyPem: string): Promise<void> {
  try {
    const { notAfter } = await loadAuthority(certPem, keyPem);
    assert.ok(notAfter instanceof Date && !Number.isNaN(notAfter.getTime()), "it has no end");
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    assert.ok(!error.message.includes(KEY_PEM.slice(40, 80)), "a message quotes a key");
  }
}

function inWords<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodedError) return null;
    throw error;
  }
}
