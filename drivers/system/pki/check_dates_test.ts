import assert from "node:assert/strict";
import { createAuthority } from "./certificate.ts";
import { CertificateDateError, checkDates } from "./check_dates.ts";

const NOW = Date.UTC(2030, 5, 1, 12);
const DAY_MS = 86_400_000;
const { certPem } = await createAuthority({
  commonName: "Test CA",
  organization: "Test",
  days: 7,
  extractable: true,
  now: new Date(NOW),
});

Deno.test.each([
  { name: "valid", pem: certPem, days: 1 },
  { name: "seen by a clock that is weeks behind", pem: certPem, days: -29 },
  { name: "one of several", pem: certPem + certPem, days: 400 },
  { name: "none", pem: "-----BEGIN NOTHING-----", days: 0 },
])("checkDates() lets pass what is $name", ({ pem, days }) => {
  checkDates("tls.crt", pem, NOW + days * DAY_MS);
});

Deno.test.each([
  { days: 8, want: /it was valid until 2030-06-08T12:00:00Z, .* says 2030-06-09T12:00:00Z$/ },
  { days: -31, want: /it is valid from 2030-05-02T12:00:00Z on, .* says 2030-05-01T12:00:00Z$/ },
])("checkDates() refuses what is $days days off, in words", ({ days, want }) => {
  assert.throws(() => checkDates("tls.crt", certPem, NOW + days * DAY_MS), (error) => {
    assert.ok(error instanceof CertificateDateError);
    assert.match(error.message, want);
    assert.match(error.hint ?? "", /clock of this machine/);
    return true;
  });
});
