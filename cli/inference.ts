/**
 * The commands around inference: where the model calls of sandboxes go.
 *
 * @module
 */

import type { Command, Flag, Run } from "./command.ts";
import { OUTPUT_FLAG, REMOTE_FLAGS } from "./flags.ts";

const ROUTE_FLAG: Flag = {
  kind: "text",
  name: "route",
  value: "NAME",
  summary: 'Route, else "inference.local"',
};

const SYSTEM_FLAG: Flag = {
  kind: "switch",
  name: "system",
  summary: 'The route "sandbox-system", which agents cannot use',
};

const NO_VERIFY_FLAG: Flag = {
  kind: "switch",
  name: "no-verify",
  summary: "Do not ask the model server first",
};

const TIMEOUT_FLAG: Flag = {
  kind: "integer",
  name: "timeout",
  value: "SECONDS",
  summary: "Time for a reply; 0 is the usual 60. A stream ends after 120 without a byte",
  min: 0,
  max: 3_600,
};

const MODELS_FLAG: Flag = {
  kind: "text",
  name: "models",
  value: "NAMES",
  summary: "Models that lead to this route, else every one",
  repeated: true,
  separator: ",",
};

const PRIORITY_FLAG: Flag = {
  kind: "integer",
  name: "priority",
  value: "N",
  summary: "Lower ones are tried first, the next one where a server fails",
  min: 0,
  max: 65_535,
};

function providerFlag(required: boolean): Flag {
  return {
    kind: "text",
    name: "provider",
    value: "NAME",
    summary: "Provider with the address and the key",
    ...required ? { required } : {},
  };
}

function modelFlag(required: boolean): Flag {
  return {
    kind: "text",
    name: "model",
    value: "NAME",
    summary: "Model that every call gets, whatever it asks for",
    ...required ? { required } : {},
  };
}

const COMMON: readonly Flag[] = [ROUTE_FLAG, SYSTEM_FLAG, OUTPUT_FLAG, ...REMOTE_FLAGS];

const CHANGE: readonly Flag[] = [
  MODELS_FLAG,
  PRIORITY_FLAG,
  TIMEOUT_FLAG,
  NO_VERIFY_FLAG,
  ...COMMON,
];

const SET: Command = {
  name: "set",
  summary: "Set a route for model calls",
  description: [
    "Programs in a sandbox call https://inference.local as they would OpenAI or Anthropic. They " +
    "need no key: whatever they send, the provider's is used, and this model.",
    "The server is asked for one token first, unless --no-verify is given. Models of AWS Bedrock " +
    "cannot be asked: their routes need --no-verify.",
  ],
  flags: [providerFlag(true), modelFlag(true), ...CHANGE],
  examples: [
    {
      purpose: "One model for all",
      line: "openshell inference set --provider work --model gpt-5",
    },
    {
      purpose: "A second server, for when the first one fails",
      line: "openshell inference set --route spare --provider local --model llama --priority 10",
    },
    {
      purpose: "A model of AWS Bedrock, with a provider of type aws-bedrock",
      line: "openshell inference set --provider aws --model anthropic.claude-x --no-verify",
    },
  ],
  load: () => loadRun("set"),
};

const UPDATE: Command = {
  name: "update",
  summary: "Change parts of a route",
  flags: [providerFlag(false), modelFlag(false), ...CHANGE],
  examples: [{ purpose: "Another model", line: "openshell inference update --model gpt-5-mini" }],
  load: () => loadRun("update"),
};

const GET: Command = {
  name: "get",
  summary: "Show a route, or all",
  flags: COMMON,
  examples: [{ purpose: "Where do calls go?", line: "openshell inference get" }],
  load: () => loadRun("get"),
};

const LIST: Command = {
  name: "list",
  summary: "List the routes in the order in which they are tried",
  flags: [OUTPUT_FLAG, ...REMOTE_FLAGS],
  examples: [{ purpose: "Which are there?", line: "openshell inference list" }],
  load: () => loadRun("list"),
};

const DELETE: Command = {
  name: "delete",
  summary: "Delete a route; streams that run go on",
  flags: COMMON,
  examples: [{ purpose: "No more model calls", line: "openshell inference delete" }],
  load: () => loadRun("remove"),
};

/** `openshell inference`. */
export const INFERENCE: Command = {
  name: "inference",
  section: "Gateway",
  summary: "Choose where the model calls of sandboxes go",
  commands: [SET, GET, LIST, UPDATE, DELETE],
};

type Runs = typeof import("./inference_run.ts");

async function loadRun(verb: keyof Runs): Promise<Run> {
  return (await import("./inference_run.ts"))[verb];
}
