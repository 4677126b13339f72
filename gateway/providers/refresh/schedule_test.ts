import assert from "node:assert/strict";
import { REFRESH_GAP_MS_MIN } from "../../../proto/refresh_limits.ts";
import { longestLifetime, scheduleEnd, scheduleMinted } from "./schedule.ts";

const NOW = 1_700_000_000_000;
const USUAL = { leadSeconds: 0, lifetimeSecondsMax: 0 };

Deno.test.each([
  { name: "the usual lead", lifetimes: USUAL, lives: 3600, end: 3600, due: 3300 },
  { name: "nobody saying when it ends", lifetimes: USUAL, lives: null, end: 3600, due: 3300 },
  { name: "a long life", lifetimes: USUAL, lives: 86_400, end: 3600, due: 3300 },
  {
    name: "a profile's own times",
    lifetimes: { leadSeconds: 600, lifetimeSecondsMax: 7200 },
    lives: 9000,
    end: 7200,
    due: 6600,
  },
  {
    name: "a profile that wants too much",
    lifetimes: { leadSeconds: 0, lifetimeSecondsMax: 999_999 },
    lives: 999_999,
    end: 43_200,
    due: 42_900,
  },
  { name: "a life shorter than the lead", lifetimes: USUAL, lives: 100, end: 100, due: 50 },
  { name: "a life of a moment", lifetimes: USUAL, lives: 1, end: 1, due: 5 },
])("scheduleMinted() goes by $name", ({ lifetimes, lives, end, due }) => {
  assert.deepEqual(scheduleMinted(lifetimes, NOW, lives), {
    expiresAtMs: NOW + end * 1000,
    nextRefreshAtMs: NOW + due * 1000,
  });
});

Deno.test("scheduleEnd() makes what has ended due, and not over and over", () => {
  const { nextRefreshAtMs } = scheduleEnd(USUAL, NOW, NOW - 1);
  assert.equal(nextRefreshAtMs, NOW + REFRESH_GAP_MS_MIN);
});

Deno.test("longestLifetime() is an hour where nobody says more", () => {
  assert.equal(longestLifetime(USUAL), 3600);
});
