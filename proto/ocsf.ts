/**
 * Records of the Open Cybersecurity Schema Framework, version 1.8: the classes that OpenShell uses
 * and of each the members that it fills in.
 *
 * Names are those of the schema, since the records leave OpenShell as JSON. An enumeration is a
 * pair of members, its number and its label.
 *
 * @module
 */

/** One of the enumerations' values: its number and its label. */
export type EnumValue = readonly [id: number, label: string];

export const SEVERITY = {
  informational: [1, "Informational"],
  low: [2, "Low"],
  medium: [3, "Medium"],
  high: [4, "High"],
  critical: [5, "Critical"],
  fatal: [6, "Fatal"],
} as const satisfies Enumeration;

export const STATUS = {
  success: [1, "Success"],
  failure: [2, "Failure"],
} as const satisfies Enumeration;

export const ACTION = {
  allowed: [1, "Allowed"],
  denied: [2, "Denied"],
  observed: [3, "Observed"],
  modified: [4, "Modified"],
} as const satisfies Enumeration;

export const DISPOSITION = {
  allowed: [1, "Allowed"],
  blocked: [2, "Blocked"],
  dropped: [6, "Dropped"],
  detected: [15, "Detected"],
  logged: [17, "Logged"],
  alert: [19, "Alert"],
  rejected: [25, "Rejected"],
  unauthorized: [26, "Unauthorized"],
  error: [27, "Error"],
} as const satisfies Enumeration;

export const CONFIDENCE = {
  low: [1, "Low"],
  medium: [2, "Medium"],
  high: [3, "High"],
} as const satisfies Enumeration;

export const RISK_LEVEL = {
  info: [0, "Info"],
  low: [1, "Low"],
  medium: [2, "Medium"],
  high: [3, "High"],
  critical: [4, "Critical"],
} as const satisfies Enumeration;

export const LAUNCH_TYPE = {
  spawn: [1, "Spawn"],
  fork: [2, "Fork"],
  exec: [3, "Exec"],
} as const satisfies Enumeration;

/** Of what is configured. 99 has a label of its own. */
export const STATE = {
  disabled: [1, "Disabled"],
  enabled: [2, "Enabled"],
} as const satisfies Enumeration;

/** The number of a value that the schema has no label for. */
export const OTHER_ID = 99;

/** A class of events, with the activities that it has. */
export interface OcsfClass {
  readonly uid: number;
  readonly name: string;
  readonly category: EnumValue;
  readonly profiles: readonly string[];
  readonly activities: Enumeration;
}

const SYSTEM: EnumValue = [1, "System Activity"];
const FINDINGS: EnumValue = [2, "Findings"];
const NETWORK: EnumValue = [4, "Network Activity"];
const OTHER: EnumValue = [OTHER_ID, "Other"];

export const NETWORK_ACTIVITY = {
  uid: 4001,
  name: "Network Activity",
  category: NETWORK,
  profiles: ["security_control", "network_proxy", "container", "host"],
  activities: {
    open: [1, "Open"],
    close: [2, "Close"],
    reset: [3, "Reset"],
    fail: [4, "Fail"],
    refuse: [5, "Refuse"],
    traffic: [6, "Traffic"],
    listen: [7, "Listen"],
    other: OTHER,
  },
} as const satisfies OcsfClass;

export const HTTP_ACTIVITY = {
  uid: 4002,
  name: "HTTP Activity",
  category: NETWORK,
  profiles: ["security_control", "network_proxy", "container", "host"],
  activities: {
    connect: [1, "Connect"],
    delete: [2, "Delete"],
    get: [3, "Get"],
    head: [4, "Head"],
    options: [5, "Options"],
    post: [6, "Post"],
    put: [7, "Put"],
    trace: [8, "Trace"],
    patch: [9, "Patch"],
    other: OTHER,
  },
} as const satisfies OcsfClass;

export const PROCESS_ACTIVITY = {
  uid: 1007,
  name: "Process Activity",
  category: SYSTEM,
  profiles: ["security_control", "container", "host"],
  activities: {
    launch: [1, "Launch"],
    terminate: [2, "Terminate"],
    open: [3, "Open"],
    inject: [4, "Inject"],
    setUserId: [5, "Set User ID"],
  },
} as const satisfies OcsfClass;

export const DETECTION_FINDING = {
  uid: 2004,
  name: "Detection Finding",
  category: FINDINGS,
  profiles: ["security_control", "container", "host"],
  activities: { create: [1, "Create"], update: [2, "Update"], close: [3, "Close"] },
} as const satisfies OcsfClass;

export const DEVICE_CONFIG_STATE_CHANGE = {
  uid: 5019,
  name: "Device Config State Change",
  category: [5, "Discovery"],
  profiles: ["security_control", "container", "host"],
  activities: { log: [1, "Log"] },
} as const satisfies OcsfClass;

export const APPLICATION_LIFECYCLE = {
  uid: 6002,
  name: "Application Lifecycle",
  category: [6, "Application Activity"],
  profiles: ["container", "host"],
  activities: {
    install: [1, "Install"],
    remove: [2, "Remove"],
    start: [3, "Start"],
    stop: [4, "Stop"],
    restart: [5, "Restart"],
    enable: [6, "Enable"],
    disable: [7, "Disable"],
    update: [8, "Update"],
    other: OTHER,
  },
} as const satisfies OcsfClass;

export const API_ACTIVITY = {
  uid: 6003,
  name: "API Activity",
  category: [6, "Application Activity"],
  profiles: ["security_control", "network_proxy", "container", "host"],
  activities: {
    create: [1, "Create"],
    read: [2, "Read"],
    update: [3, "Update"],
    delete: [4, "Delete"],
    other: OTHER,
  },
} as const satisfies OcsfClass;

export const BASE_EVENT = {
  uid: 0,
  name: "Base Event",
  category: [0, "Uncategorized"],
  profiles: ["container", "host"],
  activities: { unknown: [0, "Unknown"], other: OTHER },
} as const satisfies OcsfClass;

/** All classes that a record may have. */
export const OCSF_CLASSES: readonly OcsfClass[] = [
  ...[NETWORK_ACTIVITY, HTTP_ACTIVITY, PROCESS_ACTIVITY, DETECTION_FINDING],
  ...[DEVICE_CONFIG_STATE_CHANGE, APPLICATION_LIFECYCLE, API_ACTIVITY],
  BASE_EVENT,
];

/** The two members of an enumeration. */
export type EnumMembers<Name extends string> =
  & { readonly [Key in `${Name}_id`]: number }
  & { readonly [Key in Name]: string };

/** Returns an enumeration as its two members: `enumMembers("action", ACTION.denied)`. */
export function enumMembers<Name extends string>(
  name: Name,
  [id, label]: EnumValue,
): EnumMembers<Name> {
  return { [`${name}_id`]: id, [name]: label } as EnumMembers<Name>;
}

/** What every record has. */
export type OcsfHead = EnumMembers<"severity"> & {
  readonly class_uid: number;
  readonly class_name: string;
  readonly category_uid: number;
  readonly category_name: string;
  readonly activity_id: number;
  readonly activity_name: string;
  /** The class times 100, and the activity. */
  readonly type_uid: number;
  readonly type_name: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly metadata: Metadata;
};

export interface Metadata {
  readonly version: "1.8.0";
  readonly product: {
    readonly name: string;
    readonly vendor_name: string;
    readonly version: string;
  };
  readonly profiles: readonly string[];
  /** The sandbox. */
  readonly uid: string;
  readonly log_source?: string;
}

export interface Device {
  readonly hostname: string;
  readonly os: { readonly name: "Linux" };
}

export interface Container {
  readonly name: string;
  readonly uid: string;
  readonly image?: { readonly name: string };
}

/** `domain` is the name, `ip` the address; a literal has the address only. */
export interface NetworkEndpoint {
  readonly domain?: string;
  readonly ip?: string;
  readonly port?: number;
}

export interface Process {
  readonly name: string;
  readonly pid?: number;
  readonly cmd_line?: string;
  readonly parent_process?: Process;
}

export interface HttpUrl {
  readonly scheme?: string;
  readonly hostname?: string;
  readonly path?: string;
  readonly port?: number;
}

/** Members beside the head; which of them a class has is in the schema. */
export interface OcsfMembers {
  readonly status_id?: number;
  readonly status?: string;
  readonly message?: string;
  /** Events that became this one, and the times of the first and the last of them. */
  readonly count?: number;
  readonly start_time?: number;
  readonly end_time?: number;
  readonly status_detail?: string;
  readonly device?: Device;
  readonly container?: Container;
  readonly unmapped?: Readonly<Record<string, unknown>>;
  readonly action_id?: number;
  readonly action?: string;
  readonly disposition_id?: number;
  readonly disposition?: string;
  readonly src_endpoint?: NetworkEndpoint;
  readonly dst_endpoint?: NetworkEndpoint;
  readonly proxy_endpoint?: NetworkEndpoint;
  readonly connection_info?: { readonly protocol_name: string };
  readonly actor?: { readonly process: Process };
  readonly firewall_rule?: { readonly name: string; readonly type: string };
  /** Where the event was seen: 2 is on the side of the destination, where the proxy is. */
  readonly observation_point_id?: number;
  readonly is_src_dst_assignment_known?: boolean;
  readonly http_request?: { readonly http_method: string; readonly url: HttpUrl };
  readonly http_response?: { readonly code: number };
  readonly api?: {
    readonly operation: string;
    readonly service: { readonly name: string };
    readonly response: { readonly code: number; readonly error?: string };
  };
  /** In milliseconds. */
  readonly duration?: number;
  readonly process?: Process;
  readonly launch_type_id?: number;
  readonly launch_type?: string;
  readonly exit_code?: number;
  readonly finding_info?: {
    readonly uid: string;
    readonly title: string;
    readonly desc: string;
  };
  readonly evidences?: readonly unknown[];
  readonly attacks?: readonly unknown[];
  readonly remediation?: { readonly desc: string };
  readonly is_alert?: boolean;
  readonly confidence_id?: number;
  readonly confidence?: string;
  readonly risk_level_id?: number;
  readonly risk_level?: string;
  readonly state_id?: number;
  readonly state?: string;
  readonly security_level_id?: number;
  readonly security_level?: string;
  readonly prev_security_level_id?: number;
  readonly prev_security_level?: string;
  readonly app?: {
    readonly name: string;
    readonly vendor_name: string;
    readonly version: string;
  };
}

/** One event. */
export type OcsfRecord = OcsfHead & OcsfMembers;

/** Who records, and about which sandbox. */
export interface OcsfSource {
  readonly sandboxId: string;
  /** Name of the product's part, as `OpenShell Sandbox Supervisor`. */
  readonly product: string;
  readonly version: string;
}

/** Returns the head of a record: class, activity, severity, time and who recorded it. */
export function ocsfHead(
  ocsfClass: OcsfClass,
  { activity, severity, time, source }: {
    readonly activity: EnumValue;
    readonly severity: EnumValue;
    readonly time: number;
    readonly source: OcsfSource;
  },
): OcsfHead {
  const { uid, name, category, profiles } = ocsfClass;
  const [activityId, activityName] = activity;
  return {
    class_uid: uid,
    class_name: name,
    category_uid: category[0],
    category_name: category[1],
    activity_id: activityId,
    activity_name: activityName,
    type_uid: uid * 100 + activityId,
    type_name: `${name}: ${activityName}`,
    time,
    ...enumMembers("severity", severity),
    metadata: {
      version: "1.8.0",
      product: { name: source.product, vendor_name: "OpenShell", version: source.version },
      profiles,
      uid: source.sandboxId,
    },
  };
}

/** What the supervisor of a sandbox calls itself. */
export const SUPERVISOR_PRODUCT = "OpenShell Sandbox Supervisor";

/** What the gateway calls itself. */
export const GATEWAY_PRODUCT = "OpenShell Gateway";

type Enumeration = Readonly<Record<string, EnumValue>>;
