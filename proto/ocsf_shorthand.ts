/**
 * One line for a person from one OCSF record: `NET:OPEN [MED] DENIED /usr/bin/curl(7) -> …`.
 *
 * Gateway and command line share it. What comes from a sandbox cannot end the line, open a bracket
 * or move a terminal's cursor. Total: a record that was damaged on disk still gives a line.
 *
 * @module
 */

import {
  API_ACTIVITY,
  APPLICATION_LIFECYCLE,
  DETECTION_FINDING,
  DEVICE_CONFIG_STATE_CHANGE,
  HTTP_ACTIVITY,
  NETWORK_ACTIVITY,
  type NetworkEndpoint,
  type OcsfRecord,
  OTHER_ID,
  type Process,
  PROCESS_ACTIVITY,
} from "./ocsf.ts";

/** Returns the record as one line without its time. */
export function ocsfShorthand(record: OcsfRecord): string {
  const [head, ...parts] = partsOf(record);
  const repeats = record.count === undefined ? "" : bracket([`count:${value(record.count)}`]);
  return [`${head} [${severityOf(record)}]`, ...parts, repeats].filter((part) => part !== "")
    .join(" ");
}

/** Bytes of a reason, message or command line that are shown; the rest is `...`. */
const REASON_BYTES_SHOWN = 256;

/** The same of titles and secondary messages. */
const TITLE_BYTES_SHOWN = 120;

/** The same of names, hosts and addresses of pages. */
const NAME_BYTES_SHOWN = 1024;

const SEVERITIES = ["INFO", "INFO", "LOW", "MED", "HIGH", "CRIT", "FATAL"];

/** Fields of `unmapped` that a line shows elsewhere, or that are for programs. */
const NOT_SHOWN: readonly string[] = ["reason", "rule", "generation", "chain"];

const CONFIG_FIELDS: readonly string[] = [
  ...["auto", "source", "prover_delta", "resolved_from", "version", "hash"],
];

const EVENT_FIELDS_SHOWN = 3;

function partsOf(record: OcsfRecord): readonly string[] {
  switch (record.class_uid) {
    case NETWORK_ACTIVITY.uid:
      return networkParts(record);
    case HTTP_ACTIVITY.uid:
      return httpParts(record);
    case API_ACTIVITY.uid:
      return apiParts(record);
    case PROCESS_ACTIVITY.uid:
      return processParts(record);
    case DETECTION_FINDING.uid:
      return findingParts(record);
    case DEVICE_CONFIG_STATE_CHANGE.uid:
      return [
        `CONFIG:${label(record.state ?? record.activity_name)}`,
        sentence(record.message, REASON_BYTES_SHOWN),
        bracket(contextOf(record, (key) => CONFIG_FIELDS.includes(key))),
      ];
    case APPLICATION_LIFECYCLE.uid:
      return [
        `LIFECYCLE:${label(record.activity_name)}`,
        sentence(record.app?.name, TITLE_BYTES_SHOWN),
        sentence(record.status, TITLE_BYTES_SHOWN),
        record.status === "Failure" ? bracket(reasonOf(record)) : "",
      ];
    default:
      return [
        "EVENT",
        sentence(record.message, REASON_BYTES_SHOWN),
        bracket(contextOf(record, isShown).slice(0, EVENT_FIELDS_SHOWN)),
      ];
  }
}

function networkParts(record: OcsfRecord): readonly string[] {
  const protocol = record.connection_info?.protocol_name;
  const place = placeOf(record.dst_endpoint) + (protocol === undefined ? "" : `/${name(protocol)}`);
  const parts = [...flow(record, place), ruleOf(record), deniedReason(record)];
  const isSilent = parts.slice(1).every((part) => part === "");
  return [
    `NET:${label(record.activity_name)}`,
    ...parts,
    isSilent ? bracket(messageOf(record)) : "",
  ];
}

function httpParts(record: OcsfRecord): readonly string[] {
  const { http_method: verb = "", url } = record.http_request ?? {};
  const method = upper(verb);
  const reason = isStopped(record) ? reasonOf(record) : [];
  return [
    `HTTP:${record.activity_id === OTHER_ID ? method : label(record.activity_name)}`,
    ...flow(record, [method, urlOf(url)].filter((part) => part !== "").join(" ")),
    ruleOf(record),
    bracket([...contextOf(record, isShown), ...reason]),
  ];
}

function apiParts(record: OcsfRecord): readonly string[] {
  const { api, dst_endpoint: backend } = record;
  const reason = record.status === "Failure" ? reasonOf(record) : [];
  const status = api === undefined ? [] : [`status:${value(api.response.code)}`];
  return [
    `API:${label(record.activity_name)}`,
    ...flow(record, (api?.operation ?? "").split(" ").map(name).join(" ")),
    backend === undefined ? "" : `-> ${placeOf(backend)}`,
    bracket([...status, ...contextOf(record, isShown), ...reason]),
  ];
}

function processParts(record: OcsfRecord): readonly string[] {
  const { exit_code: exit, process } = record;
  const command = process?.cmd_line;
  return [
    `PROC:${label(record.activity_name)}`,
    processOf(process),
    exit === undefined ? "" : bracket([`exit:${value(exit)}`]),
    command === undefined ? "" : bracket([`cmd:${sentence(command, REASON_BYTES_SHOWN)}`]),
  ];
}

function findingParts(record: OcsfRecord): readonly string[] {
  const { uid, title } = record.finding_info ?? {};
  const confidence = record.confidence;
  return [
    `FINDING:${label(record.disposition ?? record.activity_name)}`,
    `"${sentence(title, TITLE_BYTES_SHOWN).replaceAll(/["\\]/g, "\\$&")}"`,
    bracket([
      ...(uid === undefined ? [] : [`type:${value(uid)}`]),
      ...contextOf(record, isShown),
      ...(confidence === undefined ? [] : [`confidence:${value(confidence).toLowerCase()}`]),
    ]),
  ];
}

/** Action, caller where one is known, and where it goes. */
function flow(record: OcsfRecord, place: string): readonly string[] {
  const caller = processOf(record.actor?.process);
  const action = record.action === undefined ? "" : label(record.action);
  return [action, caller === "" ? "" : `${caller} ->`, place];
}

function processOf(process: Process | undefined): string {
  if (!process) return "";
  return name(process.name) + (process.pid === undefined ? "" : `(${value(process.pid)})`);
}

function placeOf(endpoint: NetworkEndpoint | undefined): string {
  const host = name(endpoint?.domain ?? endpoint?.ip ?? "");
  const port = endpoint?.port;
  const shown = host.includes(":") ? `[${host}]` : host;
  return port === undefined ? shown : `${shown}:${value(port)}`;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

function urlOf(
  url: NonNullable<OcsfRecord["http_request"]>["url"] | undefined,
): string {
  if (!url) return "";
  const scheme = name(url.scheme ?? "");
  const isDefault = Object.hasOwn(DEFAULT_PORTS, scheme) && DEFAULT_PORTS[scheme] === url.port;
  const place = placeOf({
    domain: url.hostname ?? "",
    ...(url.port !== undefined && !isDefault && { port: url.port }),
  });
  return `${scheme === "" ? "" : `${scheme}://`}${place}${name(url.path ?? "")}`;
}

function ruleOf({ firewall_rule: rule }: OcsfRecord): string {
  return !rule ? "" : bracket([`policy:${value(rule.name)} engine:${value(rule.type)}`]);
}

/** Denied, or let through though a rule is against it. */
function isStopped({ action }: OcsfRecord): boolean {
  return action === "Denied" || action === "Observed";
}

function deniedReason(record: OcsfRecord): string {
  return isStopped(record) ? bracket(reasonOf(record)) : "";
}

function reasonOf(record: OcsfRecord): readonly string[] {
  const reason = record.status_detail ?? record.message;
  return reason === undefined ? [] : [`reason:${sentence(reason, REASON_BYTES_SHOWN)}`];
}

function messageOf({ message }: OcsfRecord): readonly string[] {
  return message === undefined ? [] : [`msg:${sentence(message, TITLE_BYTES_SHOWN)}`];
}

function isShown(key: string): boolean {
  return !NOT_SHOWN.includes(key);
}

/** The scalar fields of `unmapped`, as `key:value`. */
function contextOf(
  { unmapped }: OcsfRecord,
  isWanted: (key: string) => boolean,
): readonly string[] {
  return Object.entries(unmapped ?? {}).flatMap(([key, field]) => {
    const isScalar = ["string", "number", "boolean"].includes(typeof field);
    return isScalar && isWanted(key) ? [`${value(key)}:${value(field)}`] : [];
  });
}

function bracket(fields: readonly string[]): string {
  return fields.length === 0 ? "" : `[${fields.join(" ")}]`;
}

function severityOf({ severity_id: id }: OcsfRecord): string {
  return (typeof id === "number" && SEVERITIES[id]) || "INFO";
}

/** A word or several of the schema. */
function label(text: unknown): string {
  return upper(text).replaceAll("\\u{20}", " ");
}

function upper(text: unknown): string {
  return value(plain(text).toUpperCase());
}

/** Everything that could end a value or act on a terminal. */
const UNSAFE_IN_VALUE = /[\s\p{C}\p{Z}[\]\\]/gu;

/** Everything that could end a line or act on a terminal. */
const UNSAFE_IN_SENTENCE = /[\p{C}\p{Zl}\p{Zp}]/gu;

function value(text: unknown): string {
  return cut(plain(text), REASON_BYTES_SHOWN).replaceAll(UNSAFE_IN_VALUE, escapeCharacter);
}

function name(text: unknown): string {
  return cut(plain(text), NAME_BYTES_SHOWN).replaceAll(UNSAFE_IN_VALUE, escapeCharacter);
}

function sentence(text: unknown, bytesMax: number): string {
  const line = plain(text).replaceAll(/\r\n|[\r\n]/g, " ");
  return cut(line, bytesMax).replaceAll(UNSAFE_IN_SENTENCE, escapeCharacter);
}

/** What is no text, number or flag was damaged on disk, or edited. */
function plain(text: unknown): string {
  if (typeof text === "string") return text;
  return typeof text === "number" || typeof text === "boolean" ? String(text) : "";
}

function escapeCharacter(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

/** Cuts between characters. */
function cut(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text;
  const bytes = new Uint8Array(bytesMax);
  const { read } = new TextEncoder().encodeInto(text, bytes);
  return read === text.length ? text : `${text.slice(0, read)}...`;
}
