/**
 * Two endpoints that take one request and differ, where nothing but their names decides.
 *
 * `policy check` refuses such policies; here the same is asked about real requests, so that two
 * policies that are joined later, or made by a program, are covered too.
 *
 * @module
 */

import type { Endpoint } from "../../policy-wasm/policy.ts";
import { isInspected } from "../../policy-wasm/traits.ts";
import { rankOf } from "../exact/verdict.ts";
import type { Verdict } from "../exact/verdict.ts";
import type { Member } from "../space/member.ts";
import type { Cell, Connection, PathClass } from "../space/space.ts";
import { BestFindings, type RawFinding, show, type VisitContext, type Visitor } from "./visitor.ts";

/** Settings of which one of two endpoints has its way, by the name that a person writes. */
const REQUEST_SETTINGS: Readonly<Record<string, (endpoint: Endpoint) => unknown>> = {
  protocol: ({ protocol }) => protocol,
  enforcement: ({ enforcement }) => enforcement,
  allow_encoded_slash: ({ allowEncodedSlash }) => allowEncodedSlash,
  strict_tool_names: ({ protocol, mcpStrictToolNames }) => protocol === "mcp" && mcpStrictToolNames,
};

const CONNECTION_SETTINGS: Readonly<Record<string, (endpoint: Endpoint) => unknown>> = {
  tls: ({ tls }) => tls,
  allowed_ips: ({ allowedIps }) => allowedIps.join(),
};

/** Looks at each path of each connection once. */
export class AmbiguityVisitor implements Visitor {
  readonly question = "ambiguous_rules";
  readonly #context: VisitContext;
  readonly #found = new BestFindings();
  #connection: Connection | null = null;
  #path: PathClass | null = null;

  constructor(context: VisitContext) {
    this.#context = context;
  }

  visit(cell: Cell, verdicts: readonly Verdict[]): void {
    const { connection, path } = cell;
    if (connection === this.#connection && path === this.#path) return;
    const isNew = connection !== this.#connection;
    this.#connection = connection;
    this.#path = path;
    const admitted = connection.admitted.filter(({ side }) => side === 0);
    if (isNew) this.#compare(admitted, CONNECTION_SETTINGS, { cell, verdicts });
    const selected = admitted.filter(({ endpoint }) =>
      isInspected(endpoint.protocol) && path.matched.has(endpoint.path)
    );
    const top = Math.max(...selected.map(rankOf));
    const tied = selected.filter((member) => rankOf(member) === top);
    this.#compare(tied, REQUEST_SETTINGS, { cell, verdicts });
  }

  finish(): readonly RawFinding[] {
    return this.#found.list();
  }

  #compare(
    members: readonly Member[],
    settings: typeof REQUEST_SETTINGS,
    seen: { readonly cell: Cell; readonly verdicts: readonly Verdict[] },
  ): void {
    const [first, ...others] = members;
    if (first === undefined) return;
    for (const other of others) {
      const names = Object.keys(settings).filter((name) =>
        settings[name]!(first.endpoint) !== settings[name]!(other.endpoint)
      );
      if (names.length === 0) continue;
      const { cell, verdicts } = seen;
      const shown = show(cell, this.#context.methods.all, { verdicts, context: this.#context });
      const { host, port } = shown.witness.target;
      this.#found.add(`${first.id} ${other.id}`, {
        message: `${host}:${port} has another ${names.join(" and ")} in rule ${first.rule.key}, ` +
          "which comes first by its name alone",
        role: "policy",
        rule: other.rule.key,
        endpoint: other.index,
        requestRule: null,
        ...shown,
      });
    }
  }
}
