/**
 * The commands around gateways: which there are, which is used, and the one of this machine.
 *
 * @module
 */

import type { Argument, Command, Run } from "./command.ts";
import { GATEWAY_FLAGS, OUTPUT_FLAG } from "./flags.ts";

const NAME: Argument = {
  name: "NAME",
  summary: "Registered gateway, else the active one",
  optional: true,
  complete: "gateways",
};

const LIST: Command = {
  name: "list",
  summary: "List registered gateways",
  flags: [OUTPUT_FLAG],
  examples: [{ purpose: "Which are there?", line: "openshell gateway list" }],
  load: () => loadRun("list"),
};

const ADD: Command = {
  name: "add",
  summary: "Register a gateway and make it the active one",
  description: [
    "An https:// gateway needs a client certificate: with --local or --remote, ca.crt, tls.crt " +
    "and tls.key are imported from OPENSHELL_LOCAL_TLS_DIR, else from the files of this " +
    "machine's own gateway. An http:// gateway has none, and should only be on this machine.",
  ],
  arguments: [{ name: "ENDPOINT", summary: "URL, as https://gateway.example.com:17670" }],
  flags: [
    { kind: "text", name: "name", value: "NAME", summary: "Name, else that of the host" },
    { kind: "switch", name: "local", summary: "It runs on this machine" },
    {
      kind: "text",
      name: "remote",
      value: "HOST",
      summary: "It runs on this host, whose certificates you have",
    },
    { kind: "text", name: "oidc-issuer", value: "URL", summary: "Issuer", hidden: true },
  ],
  examples: [
    {
      purpose: "One on this machine",
      line: "openshell gateway add https://127.0.0.1:17670 --local",
    },
    {
      purpose: "One elsewhere, by its certificates",
      line: "openshell gateway add https://gw.example.com:17670 --remote gw.example.com",
    },
  ],
  load: () => loadRun("add"),
};

const REMOVE: Command = {
  name: "remove",
  summary: "Forget a registered gateway; it goes on running",
  arguments: [NAME],
  examples: [{ purpose: "Forget one", line: "openshell gateway remove work" }],
  load: () => loadRun("remove"),
};

const SELECT: Command = {
  name: "select",
  summary: "Make a registered gateway the active one",
  arguments: [{ ...NAME, summary: "Registered gateway; without it they are listed" }],
  examples: [{ purpose: "Use it from now on", line: "openshell gateway select work" }],
  load: () => loadRun("select"),
};

const INFO: Command = {
  name: "info",
  summary: "Show version and compute drivers of a gateway",
  flags: [OUTPUT_FLAG, ...GATEWAY_FLAGS],
  examples: [{ purpose: "What does it run?", line: "openshell gateway info" }],
  load: () => loadRun("info"),
};

const STOP: Command = {
  name: "stop",
  summary: "Stop the gateway of this machine; its sandboxes go on",
  description: ["The next command that needs it starts it again, and finds its sandboxes."],
  examples: [{ purpose: "Stop it", line: "openshell gateway stop" }],
  load: () => loadRun("stop"),
};

const RUN: Command = {
  name: "run",
  summary: "Run a gateway in the foreground",
  description: [
    "Commands start the gateway of this machine by themselves. Run it yourself to have it under " +
    "a service manager, or to see what it says.",
  ],
  flags: [
    {
      kind: "text",
      name: "port",
      value: "PORT",
      summary: "Port to listen on; auto takes another one where the usual is taken",
      default: "17670",
    },
    {
      kind: "text",
      name: "bind-address",
      value: "IP",
      summary: "Address to listen on",
      default: "127.0.0.1",
    },
  ],
  examples: [{ purpose: "Until Ctrl-C", line: "openshell gateway run" }],
  load: async () => (await import("./roles.ts")).runGateway,
};

/** `openshell gateway`. */
export const GATEWAY: Command = {
  name: "gateway",
  aliases: ["gw"],
  section: "Gateway",
  summary: "Register and choose gateways, stop or run the one of this machine",
  commands: [LIST, ADD, REMOVE, SELECT, INFO, STOP, RUN],
};

/** `openshell supervise`, which a gateway starts for each sandbox. */
export const SUPERVISE: Command = {
  name: "supervise",
  hidden: true,
  summary: "Run one sandbox, as told on standard input",
  flags: [{ kind: "switch", name: "check", summary: "Print what this machine lacks, as JSON" }],
  load: async () => (await import("./roles.ts")).runSupervisor,
};

type Runs = typeof import("./gateway_run.ts");

async function loadRun(verb: keyof Runs): Promise<Run> {
  return (await import("./gateway_run.ts"))[verb];
}
