/**
 * Says whether a certificate is valid by this machine's clock, before a handshake fails over it.
 *
 * The runtime's TLS says no more than that a chain does not hold. It decides all the same: this is
 * for the person.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { CodedError } from "../../../proto/errors.ts";

/** A certificate is not valid yet, or not any more. */
export class CertificateDateError extends CodedError {
  override readonly name = "CertificateDateError";
  override readonly code = "failed_precondition";

  constructor(file: string, detail: string) {
    super(`Cannot use the certificate "${file}": ${detail}`, {
      hint:
        "Check the clock of this machine first. Where it is right, the gateway renews its own " +
        "certificates when it starts; add a gateway elsewhere again, to import new ones",
    });
  }
}

/**
 * Checks the certificate in a file. One that cannot be read is left to who uses it, and so is a
 * file with several, of which one may do.
 *
 * @throws {CertificateDateError}
 */
export function checkDates(file: string, pem: string, now: number = Date.now()): void {
  if (pem.split("-----BEGIN ").length !== 2) return;
  const dates = readDates(pem);
  if (dates === null) return;
  const { from, to } = dates;
  const clock = `and the clock of this machine says ${timeText(now)}`;
  if (now < from) {
    throw new CertificateDateError(file, `it is valid from ${timeText(from)} on, ${clock}`);
  }
  if (now > to) {
    throw new CertificateDateError(file, `it was valid until ${timeText(to)}, ${clock}`);
  }
}

function readDates(pem: string): { readonly from: number; readonly to: number } | null {
  try {
    const { validFrom, validTo } = new X509Certificate(pem);
    const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
    return Number.isNaN(from) || Number.isNaN(to) ? null : { from, to };
  } catch {
    // No certificate at all: the handshake says so.
    return null;
  }
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
