/**
 * A route of model calls as it is stored, and what may be in one.
 *
 * @module
 */

import {
  INFERENCE_MODEL_UNITS_MAX,
  INFERENCE_ROUTE_MODELS_MAX,
  INFERENCE_TIMEOUT_S_MAX,
} from "../../proto/inference_limits.ts";
import type { ObjectFields, StoredObject } from "../store/contract.ts";
import { InvalidRouteError } from "./inference_errors.ts";

/** What agents use, and where no name is given. */
export const USER_ROUTE = "inference.local";

/** What only the supervisor itself may use. */
export const SYSTEM_ROUTE = "sandbox-system";

export interface RouteConfig {
  readonly provider: string;
  /** What the caller's model is replaced by. */
  readonly model: string;
  /** 0 is the usual time. */
  readonly timeoutSecs: number;
  /** Names that a caller may ask for; empty is every one. */
  readonly models: readonly string[];
  /** Lower ones are tried first. */
  readonly priority: number;
}

export interface RouteRecord extends RouteConfig {
  readonly id: string;
  readonly workspace: string;
  readonly name: string;
  /** One more with each change. */
  readonly version: number;
  readonly createdAtMs: number;
  readonly resourceVersion: number;
}

const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;

/** Printable, and no more than a header or an event could hold. */
const MODEL = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

/** @throws {InvalidRouteError} */
export function checkRoute(name: string, config: RouteConfig): void {
  if (!NAME.test(name)) {
    throw new InvalidRouteError(
      "the route's name",
      "it is not made of a to z, 0 to 9, dots and hyphens",
    );
  }
  if (config.provider === "") throw new InvalidRouteError("the route", "it has no provider");
  checkModel(config.model, "the model");
  if (config.models.length > INFERENCE_ROUTE_MODELS_MAX) {
    throw new InvalidRouteError("the models", `they are more than ${INFERENCE_ROUTE_MODELS_MAX}`);
  }
  for (const model of config.models) checkModel(model, "one of the models");
  if (!Number.isSafeInteger(config.timeoutSecs) || config.timeoutSecs > INFERENCE_TIMEOUT_S_MAX) {
    throw new InvalidRouteError("the time limit", `it is over ${INFERENCE_TIMEOUT_S_MAX} seconds`);
  }
}

function checkModel(model: string, what: string): void {
  if (model.length > INFERENCE_MODEL_UNITS_MAX) {
    throw new InvalidRouteError(what, `it has more than ${INFERENCE_MODEL_UNITS_MAX} characters`);
  }
  if (!MODEL.test(model)) throw new InvalidRouteError(what, "it is empty, or not printable ASCII");
}

type Payload = RouteConfig & Pick<RouteRecord, "version">;

export function toFields(
  record: Omit<RouteRecord, "createdAtMs" | "resourceVersion">,
): ObjectFields {
  const { id, workspace, name, ...payload } = record;
  return {
    id,
    type: "inference_route",
    workspace,
    name,
    scope: null,
    version: null,
    status: "",
    payload: new TextEncoder().encode(JSON.stringify(payload satisfies Payload)),
    labels: {},
  };
}

export function toRecord(object: StoredObject): RouteRecord {
  const payload = JSON.parse(new TextDecoder().decode(object.payload)) as Payload;
  const { id, workspace, name, createdAtMs, resourceVersion } = object;
  return { ...payload, id, workspace, name, createdAtMs, resourceVersion };
}
