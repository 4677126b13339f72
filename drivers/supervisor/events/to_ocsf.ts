/**
 * Turns what the supervisor records into records of OCSF.
 *
 * Pure. What comes from the sandbox (paths, hosts, methods, programs) is cut to a bound here and
 * escaped where it is written: by JSON in a record, by its own rule in the short form. No query, no
 * header, no body and no secret is in an event, so none can be in a record.
 *
 * @module
 */

import { parseIp } from "../../../policy-wasm/ip.ts";
import { EVENT_ANCESTORS_MAX, EVENT_TEXT_UNITS_MAX } from "../../../proto/limits.ts";
import {
  ACTION,
  API_ACTIVITY,
  APPLICATION_LIFECYCLE,
  CONFIDENCE,
  type Container,
  DETECTION_FINDING,
  type Device,
  DEVICE_CONFIG_STATE_CHANGE,
  DISPOSITION,
  enumMembers,
  type EnumValue,
  HTTP_ACTIVITY,
  LAUNCH_TYPE,
  NETWORK_ACTIVITY,
  type NetworkEndpoint,
  type OcsfClass,
  ocsfHead,
  type OcsfRecord,
  type OcsfSource,
  OTHER_ID,
  type Process,
  PROCESS_ACTIVITY,
  RISK_LEVEL,
  SEVERITY,
  STATUS,
  SUPERVISOR_PRODUCT,
} from "../../../proto/ocsf.ts";
import type { Actor, AuditEvent, DenialCode, Destination, Outcome } from "./audit_event.ts";
import { engineOf, severityOf, textOf } from "./denials.ts";
import type { Span } from "./fold_denials.ts";

/** What is the same for all events of a sandbox. */
export interface EventContext {
  readonly sandboxId: string;
  readonly sandboxName: string;
  readonly hostname: string;
  /** Of OpenShell. */
  readonly version: string;
}

/** When something happened, and how often. */
export interface Occasion {
  /** In milliseconds since 1970. */
  readonly time: number;
  /** Left out for one event. */
  readonly span?: Span | undefined;
}

/** Returns the record of an event, or of several that became one. */
export function toOcsf(
  event: AuditEvent,
  context: EventContext,
  { time, span }: Occasion,
): OcsfRecord {
  const record = recordOf(event, { context, time });
  if (span === undefined) return record;
  const { count, startTime, endTime } = span;
  return { ...record, count, start_time: startTime, end_time: endTime };
}

function recordOf(event: AuditEvent, scene: Scene): OcsfRecord {
  switch (event.kind) {
    case "connection":
      return connectionRecord(event, scene);
    case "request":
      return requestRecord(event, scene);
    case "websocket":
      return webSocketRecord(event, scene);
    case "inference":
      return inferenceRecord(event, scene);
    case "process":
      return processRecord(event, scene);
    case "config":
      return configRecord(event, scene);
    case "lifecycle":
      return lifecycleRecord(event, scene);
    case "finding":
      return findingRecord(event, scene);
  }
}

/** Returns who writes the log of a sandbox. */
export function sourceOf({ sandboxId, version }: EventContext): OcsfSource {
  return { sandboxId, product: SUPERVISOR_PRODUCT, version };
}

type EventOf<Kind extends AuditEvent["kind"]> = Extract<AuditEvent, { readonly kind: Kind }>;

interface Scene {
  readonly context: EventContext;
  readonly time: number;
}

function base(
  ocsfClass: OcsfClass,
  activity: EnumValue,
  { severity, scene: { context, time } }: { readonly severity: EnumValue; readonly scene: Scene },
): OcsfRecord {
  const device: Device = { hostname: cut(context.hostname), os: { name: "Linux" } };
  const container: Container = { name: cut(context.sandboxName), uid: context.sandboxId };
  const source = sourceOf(context);
  return { ...ocsfHead(ocsfClass, { activity, severity, time, source }), device, container };
}

function connectionRecord(event: EventOf<"connection">, scene: Scene): OcsfRecord {
  const { actor, destination, outcome, generation, handling } = event;
  const { open, fail } = NETWORK_ACTIVITY.activities;
  const isFailure = outcome.kind === "denied" && severityOf(outcome.reason) === SEVERITY.low;
  return {
    ...base(NETWORK_ACTIVITY, isFailure ? fail : open, { severity: severityFor(outcome), scene }),
    ...decided(outcome, "opa"),
    ...between(actor, destination),
    unmapped: { ...explained(outcome), generation, ...(handling !== null && { handling }) },
  };
}

function requestRecord(event: EventOf<"request">, scene: Scene): OcsfRecord {
  const { actor, destination, scheme, method, path, outcome, generation } = event;
  const { activities } = HTTP_ACTIVITY;
  const name = method.toLowerCase();
  const activity = isActivity(name) ? activities[name] : activities.other;
  return {
    ...base(HTTP_ACTIVITY, activity, { severity: severityFor(outcome), scene }),
    ...decided(outcome, method === "WEBSOCKET_TEXT" ? WEBSOCKET_ENGINE : "l7"),
    ...between(actor, destination),
    http_request: {
      http_method: cut(method),
      url: {
        scheme,
        hostname: hostText(destination.host),
        ...(path !== null && { path: pathText(path) }),
        port: destination.port,
      },
    },
    unmapped: { ...explained(outcome), generation },
  };
}

/** The upgrade has its own event: this is how much went through, and how it ended. */
function webSocketRecord(event: EventOf<"websocket">, scene: Scene): OcsfRecord {
  const { actor, destination, path, rule, generation, messages, code } = event;
  const outcome = { kind: "allowed", rule } as const;
  const { close } = NETWORK_ACTIVITY.activities;
  return {
    ...base(NETWORK_ACTIVITY, close, { severity: SEVERITY.informational, scene }),
    ...decided(outcome, WEBSOCKET_ENGINE),
    ...between(actor, destination),
    unmapped: {
      ...explained(outcome),
      generation,
      path: pathText(path),
      texts: messages.texts,
      binaries: messages.binaries,
      from_server: messages.fromServer,
      ...(code !== null && { close_code: code }),
    },
  };
}

const WEBSOCKET_ENGINE = "l7-websocket";

function isActivity(name: string): name is keyof typeof HTTP_ACTIVITY.activities {
  return Object.hasOwn(HTTP_ACTIVITY.activities, name);
}

/** Status, action, disposition and the rule that decided. */
function decided(outcome: Outcome, engine: string) {
  const rule = {
    name: outcome.rule === null ? "-" : cut(outcome.rule),
    type: outcome.kind === "allowed" ? engine : engineOf(outcome.reason) ?? engine,
  };
  const members = (status: EnumValue, action: EnumValue, disposition: EnumValue) => ({
    ...enumMembers("status", status),
    ...enumMembers("action", action),
    ...enumMembers("disposition", disposition),
    firewall_rule: rule,
  });
  switch (outcome.kind) {
    case "allowed":
      return members(STATUS.success, ACTION.allowed, DISPOSITION.allowed);
    case "audited":
      return {
        ...members(STATUS.success, ACTION.observed, DISPOSITION.logged),
        status_detail: `${outcome.reason}: ${textOf(outcome.reason)}`,
      };
    case "denied": {
      const isFailure = severityOf(outcome.reason) === SEVERITY.low;
      const disposition = isFailure ? DISPOSITION.error : DISPOSITION.blocked;
      return {
        ...members(STATUS.failure, ACTION.denied, disposition),
        status_detail: `${outcome.reason}: ${cut(outcome.detail)}`,
      };
    }
  }
}

function severityFor(outcome: Outcome): EnumValue {
  return outcome.kind === "allowed" ? SEVERITY.informational : severityOf(outcome.reason);
}

/** For programs: the code alone, and the rule where one decided. */
function explained(
  outcome: Outcome,
): { readonly reason?: DenialCode; readonly rule: string | null } {
  const rule = outcome.rule === null ? null : cut(outcome.rule);
  return outcome.kind === "allowed" ? { rule } : { reason: outcome.reason, rule };
}

/** The proxy stands at the destination's side, and knows who is who. */
function between(actor: Actor | null, destination: Destination) {
  return {
    dst_endpoint: endpointOf(destination),
    ...(actor !== null && { actor: { process: processOf(actor) } }),
    observation_point_id: 2,
    is_src_dst_assignment_known: true,
  };
}

function endpointOf({ host, port, address }: Destination): NetworkEndpoint {
  if (parseIp(host) !== null) return { ip: host, port };
  return { domain: hostText(host), ...(address !== undefined && { ip: cut(address) }), port };
}

function processOf({ binary, pid, ancestors }: Actor): Process {
  const parent = ancestors.slice(0, EVENT_ANCESTORS_MAX).reduceRight<Process | undefined>(
    (rest, name) => ({ name: cut(name), ...(rest !== undefined && { parent_process: rest }) }),
    undefined,
  );
  return { name: cut(binary), pid, ...(parent !== undefined && { parent_process: parent }) };
}

/** A call is an activity of an interface: what it was about is in `unmapped`, its content nowhere. */
function inferenceRecord(event: EventOf<"inference">, scene: Scene): OcsfRecord {
  const { actor, destination, method, path, protocol, status, problem, detail, tokens } = event;
  const { activities } = API_ACTIVITY;
  const isRefused = problem !== null && event.attempts === 0;
  const severity = problem === null
    ? SEVERITY.informational
    : isRefused
    ? SEVERITY.medium
    : SEVERITY.low;
  const disposition = isRefused ? DISPOSITION.blocked : DISPOSITION.error;
  return {
    ...base(API_ACTIVITY, method === "GET" ? activities.read : activities.create, {
      severity,
      scene,
    }),
    ...enumMembers("status", problem === null ? STATUS.success : STATUS.failure),
    ...(problem !== null && { status_detail: `${problem}: ${cut(detail ?? "")}` }),
    ...enumMembers("action", isRefused ? ACTION.denied : ACTION.allowed),
    ...enumMembers("disposition", problem === null ? DISPOSITION.allowed : disposition),
    ...(actor !== null && { actor: { process: processOf(actor) } }),
    ...(destination !== null && { dst_endpoint: endpointOf(destination) }),
    api: {
      operation: `${cut(method)} ${pathText(path)}`,
      service: { name: "inference.local" },
      response: { code: status, ...(problem !== null && { error: problem }) },
    },
    duration: Math.round(event.durationMs),
    unmapped: {
      ...(protocol !== null && { protocol }),
      ...(event.route !== null && { route: cut(event.route) }),
      ...(event.provider !== null && { provider: cut(event.provider) }),
      ...(event.model !== null && { model: cut(event.model) }),
      ...(event.firstByteMs !== null && { first_byte_ms: Math.round(event.firstByteMs) }),
      ...(tokens !== null && {
        input_tokens: tokens.input,
        output_tokens: tokens.output,
        tokens_estimated: tokens.isEstimated,
      }),
      ...(event.attempts > 1 && { attempts: event.attempts }),
      ...(problem !== null && { reason: problem }),
    },
  };
}

function processRecord(event: EventOf<"process">, scene: Scene): OcsfRecord {
  const { activity, role, binary, pid, exitCode, timedOut = false } = event;
  const { activities } = PROCESS_ACTIVITY;
  const severity = timedOut ? SEVERITY.critical : SEVERITY.informational;
  return {
    ...base(PROCESS_ACTIVITY, activities[activity], { severity, scene }),
    ...enumMembers("status", timedOut ? STATUS.failure : STATUS.success),
    ...(timedOut && { status_detail: "timed_out: Ended for its time limit" }),
    ...enumMembers("action", ACTION.allowed),
    ...enumMembers("disposition", DISPOSITION.allowed),
    actor: { process: { name: "openshell" } },
    process: { name: cut(binary), pid },
    ...(activity === "launch" && enumMembers("launch_type", LAUNCH_TYPE.spawn)),
    ...(exitCode !== undefined && { exit_code: exitCode }),
    unmapped: { role },
  };
}

function configRecord(event: EventOf<"config">, scene: Scene): OcsfRecord {
  const { state, message, version, hash } = event;
  const isFailure = /fail|invalid/.test(state);
  const severity = isFailure ? SEVERITY.medium : SEVERITY.informational;
  return {
    ...base(DEVICE_CONFIG_STATE_CHANGE, DEVICE_CONFIG_STATE_CHANGE.activities.log, {
      severity,
      scene,
    }),
    ...enumMembers("status", isFailure ? STATUS.failure : STATUS.success),
    message: cut(message),
    ...enumMembers("state", [OTHER_ID, state]),
    unmapped: {
      ...(version !== undefined && { version }),
      ...(hash !== undefined && { hash }),
    },
  };
}

function lifecycleRecord({ activity, message }: EventOf<"lifecycle">, scene: Scene): OcsfRecord {
  const { start, stop } = APPLICATION_LIFECYCLE.activities;
  const isFailure = activity === "failure";
  const severity = isFailure ? SEVERITY.fatal : SEVERITY.informational;
  // A failure is the end of the sandbox.
  return {
    ...base(APPLICATION_LIFECYCLE, activity === "start" ? start : stop, { severity, scene }),
    ...enumMembers("status", isFailure ? STATUS.failure : STATUS.success),
    message: cut(message),
    app: {
      name: SUPERVISOR_PRODUCT,
      vendor_name: "OpenShell",
      version: scene.context.version,
    },
  };
}

function findingRecord(event: EventOf<"finding">, scene: Scene): OcsfRecord {
  const { uid, title, detail, severity } = event;
  const { activities } = DETECTION_FINDING;
  return {
    ...base(DETECTION_FINDING, activities.create, { severity: SEVERITY[severity], scene }),
    finding_info: { uid, title: cut(title), desc: cut(detail) },
    is_alert: true,
    ...enumMembers("confidence", CONFIDENCE.high),
    ...enumMembers("risk_level", RISK_LEVEL[severity]),
    ...enumMembers("action", ACTION.observed),
    ...enumMembers("disposition", DISPOSITION.detected),
  };
}

/** Stands for a host that is none, and so may be a whole address with what belongs to nobody. */
const NO_HOST = "(invalid)";

function hostText(host: string): string {
  return /[/?#@\s]/.test(host) ? NO_HOST : cut(host);
}

/** A canonical path has no query; this holds whoever calls. */
function pathText(path: string): string {
  return cut(path.replace(/[?#].*$/s, ""));
}

/** Keeps a record within a line, whatever a sandbox sends: some units become six bytes of JSON. */
function cut(text: string): string {
  const whole = text.toWellFormed();
  if (whole.length * 6 <= TEXT_BYTES_MAX) return whole;
  const start = whole.slice(0, EVENT_TEXT_UNITS_MAX);
  const isWide = new TextEncoder().encode(JSON.stringify(start)).length > TEXT_BYTES_MAX;
  const kept = isWide ? start.slice(0, TEXT_BYTES_MAX / 6) : start;
  return kept.length === whole.length ? whole : `${kept.toWellFormed()}…`;
}

const TEXT_BYTES_MAX = 3 * EVENT_TEXT_UNITS_MAX;
