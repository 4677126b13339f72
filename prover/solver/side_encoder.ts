/**
 * The meaning of one policy as formulas over all cells of a space.
 *
 * Written apart from the exact engine, on purpose. That one walks through cells and keeps sets of
 * methods; here each endpoint and rule is a proposition over all cells at once, and drivers,
 * verdicts and questions are formulas over these. Both share only the atoms.
 *
 * @module
 */

import type { Endpoint } from "../../policy-wasm/policy.ts";
import type { Member, MemberRule } from "../space/member.ts";
import type { Cell, PathReading } from "../space/space.ts";
import { among, and, FALSE, not, or, type Term } from "./term.ts";

/** What one policy says, as propositions. */
export interface SideTerms {
  readonly passes: Term;
  readonly isAudited: Term;
  readonly isOpaque: Term;
  /** Some deny rule matches, in whatever reading of the path. */
  readonly isDenied: Term;
  /** What no rule allows passes as a violation. */
  readonly isLenient: Term;
  /** An `mcp` endpoint allows it beside its rules. */
  readonly isUnruled: Term;
  /** Something would allow it. */
  readonly granted: Term;
  /** A rule matches a request that its driver can read, and may speak about it. */
  readonly speaks: (rule: MemberRule) => Term;
  /** The same of a deny rule, in readings of the path other than the written one. */
  readonly speaksElsewhere: (rule: MemberRule) => Term;
  readonly admits: (member: Member) => Term;
  /** Endpoints that are selected together with this one, itself included. */
  readonly companions: (member: Member) => readonly Member[];
  /** Endpoints that are admitted together with this one. */
  readonly neighbours: (member: Member) => readonly Member[];
}

/** Protocols whose requests are read. */
const READ: readonly Endpoint["protocol"][] = ["rest", "websocket", "graphql", "json-rpc", "mcp"];

/** A connection with a path in one reading. */
interface Spot {
  readonly connection: Cell["connection"];
  readonly path: PathReading;
}

/** What deny rules and hard checks say about one reading of all paths. */
interface ReadingTerms {
  /** No endpoint covers it, or its driver can read the request. */
  readonly isLegible: Term;
  /** A deny rule stops it, or only marks it. */
  readonly isStopped: Term;
  readonly isMarked: Term;
  readonly speaks: ReadonlyMap<number, Term>;
}

/** What a side is encoded from. */
export interface SideInput {
  readonly spots: readonly Spot[];
  readonly contents: readonly Cell["content"][];
  readonly methodIn: (names: readonly string[]) => Term;
}

/** Encodes one policy. */
export class SideEncoder {
  readonly #spots: SideInput["spots"];
  readonly #contents: SideInput["contents"];
  readonly #methodIn: SideInput["methodIn"];
  /** Spots that an endpoint admits, and those whose path it selects. */
  readonly #admitted = new Map<Member, number[]>();
  readonly #selected = new Map<Member, number[]>();
  /** By spot: the selected endpoints. */
  readonly #together: Member[][];

  constructor({ spots, contents, methodIn }: SideInput, side: number) {
    this.#spots = spots;
    this.#contents = contents;
    this.#methodIn = methodIn;
    this.#together = spots.map(() => []);
    for (const [index, { connection, path }] of spots.entries()) {
      for (const member of connection.admitted) {
        if (member.side !== side) continue;
        push(this.#admitted, member, index);
        const { protocol, path: pattern } = member.endpoint;
        if (!READ.includes(protocol) || !path.matched.has(pattern)) continue;
        push(this.#selected, member, index);
        this.#together[index]!.push(member);
      }
    }
  }

  /** `others` are the same spots in the other readings of their paths. */
  encode(others: readonly SideEncoder[] = []): SideTerms {
    const elsewhere = others.map((other) => other.encodeReading());
    const admitted = [...this.#admitted];
    const isRead = among(
      "spot",
      admitted.flatMap(([member, cells]) => READ.includes(member.endpoint.protocol) ? cells : []),
    );
    const isOpaque = and(among("spot", admitted.flatMap(([, cells]) => cells)), not(isRead));
    const terms = new Map<number, Term[]>();
    const [denied, unruled, legible]: Term[][] = [[], [], []];
    const audits: Term[] = [];
    for (const [driver, cells] of this.#selected) {
      const reads = and(
        this.#drives(driver, cells),
        this.#legible(driver),
        ...elsewhere.map(({ isLegible }) => isLegible),
      );
      if (reads === FALSE) continue;
      legible!.push(reads);
      if (driver.endpoint.enforcement === "audit") audits.push(reads);
      for (const { rule, term } of this.#spoken(driver)) {
        const list = terms.get(rule.id) ?? [];
        terms.set(rule.id, list);
        const speaks = and(reads, term);
        list.push(speaks);
        if (rule.isDeny) denied!.push(speaks);
      }
      unruled!.push(and(reads, this.#beyondRules(driver)));
    }
    const speaks = new Map([...terms].map(([id, list]) => [id, or(...list)]));
    const isLegible = or(...legible!);
    const isDeniedHere = or(...denied!);
    const isStopped = and(isLegible, or(...elsewhere.map((terms) => terms.isStopped)));
    const isMarked = and(isLegible, or(...elsewhere.map((terms) => terms.isMarked)));
    const isLenient = or(...audits);
    const isUnruled = or(...unruled!);
    const members = admitted.map(([member]) => member);
    const allows = members.flatMap(({ rules }) => rules.filter(({ isDeny }) => !isDeny));
    const granted = or(isUnruled, ...allows.map(({ id }) => speaks.get(id) ?? FALSE));
    const isLiteral = and(isLegible, granted, not(isDeniedHere));
    const isAllowed = and(isLiteral, not(isStopped), not(isMarked));
    const isAudited = and(
      or(and(isLenient, not(isLiteral)), and(isLiteral, isMarked)),
      not(isStopped),
    );
    const speaksElsewhere = ({ id }: MemberRule) =>
      and(isLegible, or(...elsewhere.map((terms) => terms.speaks.get(id) ?? FALSE)));
    return {
      passes: or(isOpaque, isAllowed, isAudited),
      isAudited,
      isOpaque,
      isDenied: or(isDeniedHere, isStopped, isMarked),
      isLenient,
      isUnruled,
      granted,
      speaks: (rule) => speaks.get(rule.id) ?? FALSE,
      speaksElsewhere,
      admits: (member) => among("spot", this.#admitted.get(member) ?? []),
      companions: (member) => this.companions(member),
      neighbours: (member) => this.#neighbours(member),
    };
  }

  /** What this reading of the paths denies. */
  encodeReading(): ReadingTerms {
    const speaks = new Map<number, Term[]>();
    const [stopped, marked, illegible]: Term[][] = [[], [], []];
    for (const [driver, cells] of this.#selected) {
      const drives = this.#drives(driver, cells);
      const legible = this.#legible(driver);
      illegible!.push(and(drives, not(legible)));
      const list = driver.endpoint.enforcement === "audit" ? marked! : stopped!;
      for (const { rule, term } of this.#spoken(driver)) {
        if (!rule.isDeny) continue;
        const spoken = and(drives, legible, term);
        list.push(spoken);
        speaks.set(rule.id, [...speaks.get(rule.id) ?? [], spoken]);
      }
    }
    return {
      isLegible: not(or(...illegible!)),
      isStopped: or(...stopped!),
      isMarked: or(...marked!),
      speaks: new Map([...speaks].map(([id, list]) => [id, or(...list)])),
    };
  }

  /** Endpoints that are selected in some cell together with this one, itself included. */
  companions(member: Member): readonly Member[] {
    const found = new Set<Member>();
    for (const index of this.#selected.get(member) ?? []) {
      for (const other of this.#together[index]!) found.add(other);
    }
    return [...found];
  }

  #drives(member: Member, cells: readonly number[]): Term {
    const stronger = this.companions(member).filter((other) => beats(other, member));
    return and(
      among("spot", cells),
      ...stronger.map((other) => not(among("spot", this.#selected.get(other)!))),
    );
  }

  /** Endpoints that are admitted in some cell together with this one. */
  #neighbours(member: Member): readonly Member[] {
    const cells = new Set(this.#admitted.get(member) ?? []);
    return [...this.#admitted].filter(([other, others]) =>
      other !== member && others.some((index) => cells.has(index))
    ).map(([other]) => other);
  }

  /** Rules that have a say while this endpoint drives, and when they match. */
  #spoken(driver: Member): readonly { readonly rule: MemberRule; readonly term: Term }[] {
    const isSocket = driver.endpoint.protocol === "websocket";
    const judgesText = isSocket && speaksGraphql(driver.endpoint);
    const isText = this.#methodIn(["WEBSOCKET_TEXT"]);
    return this.companions(driver).flatMap((member) =>
      member.rules.flatMap((rule) => {
        if (!rule.isDeny && member.endpoint.protocol !== driver.endpoint.protocol) return [];
        const matches = this.#matches(rule);
        if (rule.isDeny || !isSocket) return [{ rule, term: matches }];
        const isOperation = rule.rule.kind === "graphql";
        if (!judgesText) return isOperation ? [] : [{ rule, term: matches }];
        return [{ rule, term: and(matches, isOperation ? isText : not(isText)) }];
      })
    );
  }

  /** What `mcp` allows beside its rules. */
  #beyondRules(driver: Member): Term {
    if (driver.endpoint.protocol !== "mcp") return FALSE;
    const peers = this.companions(driver).filter(({ endpoint }) => endpoint.protocol === "mcp");
    return or(...peers.map((member) => this.#profile(member)));
  }

  #matches({ id, rule, member }: MemberRule): Term {
    if (rule.kind === "sql") return FALSE;
    const isMet = this.#contentWhere(({ met }) => met.has(id));
    const selected = this.#selected.get(member) ?? [];
    if (rule.kind !== "http") return and(among("spot", selected), isMet);
    const names = rule.method === "GET" ? ["GET", "HEAD"] : [rule.method];
    const onPath = selected.filter((spot) => this.#spots[spot]!.path.matched.has(rule.path));
    return and(
      among("spot", onPath),
      ...(rule.query.length === 0 ? [] : [isMet]),
      ...(rule.method === "*" ? [] : [this.#methodIn(names)]),
    );
  }

  /** What `mcp` takes beside its rules. */
  #profile(member: Member): Term {
    const { endpoint } = member;
    const namesTools = endpoint.allow.some((rule) => rule.kind === "rpc" && rule.tool !== null);
    const isAllowed = this.#contentWhere(({ rpc }) => {
      if (rpc === null) return false;
      if (rpc.kind !== "call") return true;
      return endpoint.mcpAllowAllKnownMethods && !(namesTools && rpc.method === "tools/call");
    });
    return and(among("spot", this.#selected.get(member) ?? []), isAllowed);
  }

  /** The hard checks of the driver. */
  #legible(member: Member): Term {
    const { endpoint } = member;
    const method = (...names: string[]) => this.#methodIn(names);
    const slash = endpoint.allowEncodedSlash ? [] : [not(this.#withSlash(member))];
    const hasOperation = this.#contentWhere(({ graphql }) => graphql !== null);
    switch (endpoint.protocol) {
      case "websocket": {
        const text = method("WEBSOCKET_TEXT");
        const message = speaksGraphql(endpoint) ? and(text, hasOperation) : text;
        return and(...slash, or(method("GET"), message));
      }
      case "graphql":
        return and(...slash, hasOperation, method("GET", "POST"));
      case "json-rpc":
      case "mcp": {
        const isMcp = endpoint.protocol === "mcp";
        const posted = this.#contentWhere(({ rpc, hasPlainTool }) => {
          if (rpc === null || rpc.kind === "stream") return false;
          if (rpc.kind === "response") return isMcp;
          if (!isMcp || rpc.method !== "tools/call") return true;
          return rpc.tool !== undefined && (hasPlainTool || !endpoint.mcpStrictToolNames);
        });
        const received = this.#contentWhere(({ rpc }) => rpc?.kind === "stream");
        return and(...slash, or(and(posted, method("POST")), and(received, method("GET"))));
      }
      default:
        return and(...slash);
    }
  }

  /** Selected spots whose path holds `%2F`. */
  #withSlash(member: Member): Term {
    const selected = this.#selected.get(member) ?? [];
    return among("spot", selected.filter((spot) => this.#spots[spot]!.path.hasEncodedSlash));
  }

  #contentWhere(is: (content: Cell["content"]) => boolean): Term {
    return among("content", this.#contents.flatMap((content, at) => is(content) ? [at] : []));
  }
}

/** Tells whether one endpoint drives where both are selected. */
function beats(a: Member, b: Member): boolean {
  const [first, second] = [isSpecific(a.endpoint), isSpecific(b.endpoint)];
  if (first !== second) return first;
  const length = (path: string) => [...path].filter((character) => character !== "*").length;
  const difference = length(a.endpoint.path) - length(b.endpoint.path);
  return difference === 0 ? a.id < b.id : difference > 0;
}

function isSpecific(endpoint: Endpoint): boolean {
  return ["graphql", "json-rpc", "mcp"].includes(endpoint.protocol) ||
    (endpoint.protocol === "websocket" && speaksGraphql(endpoint));
}

function speaksGraphql({ allow, deny }: Endpoint): boolean {
  return allow.concat(deny).some((rule) => rule.kind === "graphql");
}

function push(map: Map<Member, number[]>, member: Member, index: number): void {
  const list = map.get(member);
  if (list === undefined) map.set(member, [index]);
  else list.push(index);
}
