/**
 * What has to hold of a recording: the proxy judged and recorded exactly what the origin saw.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { AuditEvent } from "../../../drivers/supervisor/events/audit_event.ts";
import { latin1Text, utf8Text } from "../target.ts";
import { ADDRESSES, type Recording } from "./recorded_proxy.ts";
import { requestsOf, type SeenRequest } from "./recording_origin.ts";
import { readMessages } from "./second_parser.ts";

type RequestEvent = Extract<AuditEvent, { kind: "request" }>;

/** Checks a recording. `sent` is all that the program sent. */
export function checkRecording({ events, connections }: Recording, sent: Uint8Array): void {
  const unexpected = events.filter((event) => event.kind === "finding")
    .filter(({ uid }) => uid !== "malformed-request");
  assert.deepEqual(unexpected, [], "the proxy made a mistake");
  checkDialled(events, connections);
  const isRaw = (address: string) => address === ADDRESSES["raw.example.com"];
  const tunnels = connections.filter(({ address }) => !isRaw(address) || isForwarded(sent));
  // A tunnel is dialled before anything is judged in it, and closed unused where nothing is.
  const seen = tunnels.flatMap(requestsOf);
  const judged = events.filter((event) => event.kind === "request");
  const allowed = judged.filter(({ outcome }) => outcome.kind !== "denied");
  // One that ends the connection before its first byte went on was judged and not seen.
  assert.ok(
    seen.length === allowed.length || seen.length === allowed.length - 1,
    `the origin saw ${seen.length} requests, ${allowed.length} were let through`,
  );
  for (const [index, request] of seen.entries()) checkPair(request, allowed[index]!);
  for (const request of seen) if (!isRaw(request.address)) checkNotDenied(request);
  checkBodies(seen, sent);
}

/** Each connection that was dialled was judged and recorded. */
function checkDialled(
  events: readonly AuditEvent[],
  connections: Recording["connections"],
): void {
  if (connections.length === 0) return;
  const recorded = events.filter((event) => event.kind === "connection");
  assert.equal(recorded.length, 1, "a connection has one event");
  const { destination: { host, port } } = recorded[0]!;
  for (const connection of connections) {
    assert.equal(connection.address, ADDRESSES[host], "another host was dialled");
    assert.equal(connection.port, port, "another port was dialled");
  }
}

function checkPair(request: SeenRequest, event: RequestEvent): void {
  const { destination: { host, port }, method, path, scheme } = event;
  const isDefault = port === (scheme === "https" ? 443 : 80);
  assert.deepEqual(request.hosts, [isDefault ? host : `${host}:${port}`], "another Host was seen");
  assert.equal(request.address, ADDRESSES[host]);
  assert.equal(request.port, port);
  assert.equal(request.method, method, "another method was seen");
  assert.equal(request.target.split("?")[0], path, "another path was seen");
}

/** A lenient server finds nothing behind what it got that the policy denies. */
function checkNotDenied({ method, target, message }: SeenRequest): void {
  assert.notEqual(method.toUpperCase(), "DELETE", "a method that is denied was seen");
  const path = lenientPath(target);
  assert.ok(path !== "/secret" && !path.startsWith("/secret/"), `${target} reads as ${path}`);
  const override = message?.fields.find(([name]) => OVERRIDE.test(name));
  assert.equal(override, undefined, "a header that asks for another request was seen");
}

const OVERRIDE = /^x-(?:http-method(?:-override)?|method-override|(?:original|rewrite)-ur[il])$/i;

/** Reads a target as lenient servers do: decoded once, then separators, parameters and dots. */
export function lenientPath(target: string): string {
  const raw = target.split(/[?#]/)[0]!;
  const decoded = raw.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex) => latin1Of(parseInt(hex, 16)));
  const segments: string[] = [];
  for (const part of decoded.replaceAll("\\", "/").split("/")) {
    const segment = part.split(";")[0]!;
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `/${segments.join("/")}`;
}

function latin1Of(byte: number): string {
  return String.fromCharCode(byte);
}

function isForwarded(sent: Uint8Array): boolean {
  return !latin1Text(sent.subarray(0, 8)).startsWith("CONNECT ");
}

/** What llhttp finds in what the program sent, it finds at the origin, with the same body. */
function checkBodies(seen: readonly SeenRequest[], sent: Uint8Array): void {
  const inside = readMessages(insideOf(sent), { kind: "requests" }).messages;
  for (const [index, { method, hosts, message }] of seen.entries()) {
    const original = inside[index];
    if (original === undefined || message === null) continue;
    assert.equal(method, original.method, "another request was seen");
    const named = original.fields.filter(([name]) => name.toLowerCase() === "host")
      .map(([, value]) => URL.parse(`http://${value}`)?.hostname);
    const own = hosts.map((value) => URL.parse(`http://${value}`)?.hostname);
    assert.ok(named.length === 0 || `${named}` === `${own}`, `${named} was asked, ${own} was seen`);
    if (!message.isComplete || !original.isComplete) continue;
    assert.equal(utf8Text(message.body), utf8Text(original.body), "another body was seen");
  }
}

/** Returns what follows `CONNECT`, and the hello of TLS where there is one. */
function insideOf(sent: Uint8Array): Uint8Array {
  if (isForwarded(sent)) return sent;
  const end = latin1Text(sent).indexOf("\r\n\r\n");
  const inside = sent.subarray(end < 0 ? sent.length : end + 4);
  if (inside[0] !== 22 || inside.length < 5) return inside;
  return inside.subarray(5 + inside[3]! * 256 + inside[4]!);
}
