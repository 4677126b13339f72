/**
 * The verbs around inference, loaded when one of them runs.
 *
 * @module
 */

import type {
  RouteName,
  RouteSet,
  RouteSettings,
  RouteView,
} from "../gateway/client/inference_types.ts";
import type { Invocation } from "./command.ts";
import { EXIT_FAILED, EXIT_OK } from "./exit.ts";
import { withGateway, workspaceOf } from "./gateway_access.ts";
import { formatTable, outputFormat, printResult } from "./output.ts";
import { printableLine } from "./printable.ts";
import { UsageError } from "./usage_error.ts";

/** What agents use, and where no name is given. */
const USER_ROUTE = "inference.local";

const SYSTEM_ROUTE = "sandbox-system";

/** Time of a route that has none of its own, in seconds. */
const TIMEOUT_SECS_DEFAULT = 60;

/** Sets a route, after its server has answered. */
export async function set(invocation: Invocation): Promise<number> {
  const name = nameOf(invocation);
  const settings: RouteSettings = {
    provider: invocation.requiredText("provider"),
    model: invocation.requiredText("model"),
    models: invocation.texts("models"),
    priority: invocation.integer("priority") ?? 0,
    timeoutSecs: invocation.integer("timeout") ?? 0,
  };
  const verifies = !invocation.switch("no-verify");
  const done = await withGateway(
    invocation,
    ({ inference }) => inference.setRoute(name, settings, verifies),
  );
  return await tell(invocation, done);
}

/** Changes what is given, and leaves the rest. */
export async function update(invocation: Invocation): Promise<number> {
  const name = nameOf(invocation);
  const models = invocation.texts("models");
  const change = {
    ...defined("provider", invocation.text("provider")),
    ...defined("model", invocation.text("model")),
    ...defined("timeoutSecs", invocation.integer("timeout")),
    ...defined("priority", invocation.integer("priority")),
    ...models.length === 0 ? {} : { models: models.filter((model) => model !== "") },
  };
  if (Object.keys(change).length === 0) {
    throw new UsageError(`Cannot update "${name.name}": nothing is to be changed`, {
      hint: "Give --provider, --model, --models, --priority or --timeout",
    });
  }
  const verifies = !invocation.switch("no-verify");
  const done = await withGateway(invocation, async ({ inference }) => {
    const { provider, model, models, priority, timeoutSecs } = await inference.getRoute(name);
    const settings = { provider, model, models, priority, timeoutSecs, ...change };
    return await inference.setRoute(name, settings, verifies);
  });
  return await tell(invocation, done);
}

/** Shows one route, or each. */
export async function get(invocation: Invocation): Promise<number> {
  const isNamed = invocation.switch("system") || invocation.text("route") !== undefined;
  if (isNamed) {
    const name = nameOf(invocation);
    const route = await withGateway(invocation, ({ inference }) => inference.getRoute(name));
    await printResult(invocation, { value: routeValue(route), text: () => describe(route) });
    return EXIT_OK;
  }
  const routes = await allRoutes(invocation);
  if (routes.length === 0) sayNone(invocation);
  await printResult(invocation, {
    value: routes.map(routeValue),
    text: () => routes.map(describe).join("\n"),
  });
  return EXIT_OK;
}

/** Lists all routes. */
export async function list(invocation: Invocation): Promise<number> {
  const routes = await allRoutes(invocation);
  await printResult(invocation, {
    value: routes.map(routeValue),
    text: (style) =>
      formatTable({
        headings: ["ROUTE", "PROVIDER", "MODEL", "ASKED FOR AS", "PRIORITY", "TIMEOUT", "VERSION"],
        rows: routes.map(({ name, provider, model, models, priority, timeoutSecs, version }) => [
          name,
          provider,
          model,
          models.length === 0 ? "any" : models.join(","),
          String(priority),
          `${timeoutSecs || TIMEOUT_SECS_DEFAULT}s`,
          String(version),
        ]),
      }, style),
  });
  return EXIT_OK;
}

/** Deletes a route. */
export async function remove(invocation: Invocation): Promise<number> {
  const name = nameOf(invocation);
  const deleted = await withGateway(invocation, ({ inference }) => inference.deleteRoute(name));
  const shown = printableLine(name.name);
  invocation.context.stderr.write(
    deleted ? `✓ Deleted inference route ${shown}\n` : `! There is no inference route ${shown}\n`,
  );
  if (outputFormat(invocation) !== "table") {
    await printResult(invocation, { value: { route: name.name, deleted }, text: () => "" });
  }
  return deleted ? EXIT_OK : EXIT_FAILED;
}

function nameOf(invocation: Invocation): RouteName {
  const route = invocation.text("route");
  if (route !== undefined && invocation.switch("system")) {
    throw new UsageError('Cannot use "--route" and "--system" together');
  }
  const name = invocation.switch("system") ? SYSTEM_ROUTE : route ?? USER_ROUTE;
  return { workspace: workspaceOf(invocation), name };
}

async function allRoutes(invocation: Invocation): Promise<readonly RouteView[]> {
  const workspace = workspaceOf(invocation);
  return await withGateway(invocation, ({ inference }) => inference.listRoutes(workspace));
}

async function tell(invocation: Invocation, { route, endpoints }: RouteSet): Promise<number> {
  const { stderr } = invocation.context;
  stderr.write(`✓ Set inference route ${printableLine(route.name)}, version ${route.version}\n`);
  for (const { url, protocol } of endpoints) {
    stderr.write(`✓ ${printableLine(url)} answers (${printableLine(protocol)})\n`);
  }
  await printResult(invocation, {
    value: {
      ...routeValue(route),
      validation_performed: endpoints.length > 0,
      validated_endpoints: endpoints,
    },
    text: () => describe(route),
  });
  return EXIT_OK;
}

function sayNone({ context }: Invocation): void {
  context.stderr.write('! There is no inference route: set one with "openshell inference set"\n');
}

function routeValue(route: RouteView) {
  const { name, workspace, provider, model, models, priority, timeoutSecs, version } = route;
  return {
    route: name,
    workspace,
    provider,
    model,
    models,
    priority,
    timeout_secs: timeoutSecs || TIMEOUT_SECS_DEFAULT,
    version,
  };
}

function describe(route: RouteView): string {
  const lines: readonly (readonly [label: string, value: string])[] = [
    ["Route", route.name],
    ["Workspace", route.workspace],
    ["Provider", route.provider],
    ["Model", route.model],
    ["Asked for as", route.models.length === 0 ? "any model" : route.models.join(", ")],
    ["Priority", String(route.priority)],
    ["Timeout", `${route.timeoutSecs || TIMEOUT_SECS_DEFAULT} s`],
    ["Version", String(route.version)],
  ];
  return lines.map(([label, value]) => `${`${label}:`.padEnd(14)}${printableLine(value)}\n`).join(
    "",
  );
}

function defined<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : { [key]: value } as { readonly [K in Key]?: Value };
}
