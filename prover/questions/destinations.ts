/**
 * Which addresses a connection could reach, judged by the same module that judges real ones.
 *
 * @module
 */

import {
  type AddressClass,
  classifyAddress,
  isAlwaysBlocked,
  isRefusedHostName,
} from "../../policy-wasm/destination.ts";
import { cidrContains, formatIp, parseCidr, parseIp } from "../../policy-wasm/ip.ts";
import type { Verdict } from "../exact/verdict.ts";
import type { Endpoint } from "../../policy-wasm/policy.ts";
import type { Target } from "../../policy-wasm/request.ts";
import type { Member } from "../space/member.ts";
import type { Cell, Connection } from "../space/space.ts";
import { judgeAddress } from "./addresses.ts";
import { BestFindings, type RawFinding, show, type VisitContext, type Visitor } from "./visitor.ts";

/** One address of each class that is not public, in several spellings where they differ. */
const SAMPLES: readonly string[] = [
  "127.0.0.1",
  "::1",
  "::ffff:127.0.0.1",
  "0.0.0.0",
  "::",
  "169.254.1.1",
  "fe80::1",
  "169.254.169.254",
  "::ffff:169.254.169.254",
  "64:ff9b::a9fe:a9fe",
  "2002:a9fe:a9fe::1",
  "100.100.100.200",
  "168.63.129.16",
  "fd00:ec2::254",
  "fd20:ce::254",
  "224.0.0.1",
  "ff02::1",
  "255.255.255.255",
  "10.0.0.1",
  "172.16.0.1",
  "192.168.0.1",
  "100.64.0.1",
  "198.18.0.1",
  "192.0.2.1",
  "fd12:3456:789a::1",
  "fec0::1",
];

/** An address that a connection may be dialled to, and what it is. */
interface Reached {
  readonly address: string;
  readonly addressClass: AddressClass;
}

/** Looks at each connection once and asks what its name could resolve to. */
export class DestinationVisitor implements Visitor {
  readonly #context: VisitContext;
  readonly #trustedGatewayIp: string | null;
  readonly #found = new BestFindings();
  /** By what the judgement depends on. */
  readonly #judged = new Map<string, readonly Reached[]>();
  #last: Connection | null = null;

  constructor(
    readonly question: "metadata_reach" | "private_reach",
    context: VisitContext,
    trustedGatewayIp: string | null,
  ) {
    this.#context = context;
    this.#trustedGatewayIp = trustedGatewayIp;
  }

  visit(cell: Cell, verdicts: readonly Verdict[]): void {
    const { connection } = cell;
    if (connection === this.#last || !verdicts[0]!.isConnected) return;
    this.#last = connection;
    const member = connection.admitted.find(({ side }) => side === 0)!;
    for (const target of connection.place.targets) {
      const message = this.question === "metadata_reach"
        ? this.#metadata(member, target)
        : this.#internal(member, target);
      if (message === null) continue;
      const { methods } = this.#context;
      const { witness, foretold } = show(cell, methods.all, {
        verdicts,
        context: this.#context,
        target,
      });
      this.#found.add(String(member.id), {
        message,
        role: "policy",
        rule: member.rule.key,
        endpoint: member.index,
        requestRule: null,
        witness,
        foretold,
      });
    }
  }

  finish(): readonly RawFinding[] {
    return this.#found.list();
  }

  /** What is always blocked: an address that would be dialled all the same, or the name of one. */
  #metadata(member: Member, target: Target): string | null {
    const place = `${target.host}:${target.port}`;
    if (member.endpoint.host !== "" && isRefusedHostName(target.host)) {
      return `${place} is this machine or a metadata service`;
    }
    const reached = this.#reached(member, target)
      .find(({ addressClass }) => isAlwaysBlocked(addressClass));
    if (reached === undefined) return null;
    return `${place} may be dialled at ${reached.address} (${reached.addressClass})`;
  }

  /** What the policy opens in so many words. A declared name may resolve inside, and is no finding. */
  #internal(member: Member, target: Target): string | null {
    const isNamed = parseIp(target.host) !== null || member.endpoint.allowedIps.length > 0;
    if (!isNamed) return null;
    const reached = this.#reached(member, target)
      .find(({ addressClass }) => addressClass !== "public" && !isAlwaysBlocked(addressClass));
    if (reached === undefined) return null;
    const { host, port } = target;
    return `${host}:${port} may be dialled at ${reached.address} (${reached.addressClass})`;
  }

  #reached({ endpoint }: Member, target: Target): readonly Reached[] {
    const isLiteral = parseIp(target.host) !== null;
    // Only addresses, and aliases of a trusted gateway, are judged by the name itself.
    const isNameAlone = !isLiteral && this.#trustedGatewayIp === null;
    const { host, allowedIps } = endpoint;
    const kind = host === "" ? "none" : host.includes("*") ? "pattern" : "exact";
    const key = `${
      isNameAlone ? kind : `${host} ${target.host}`
    } ${target.port} ${allowedIps.join()}`;
    const known = this.#judged.get(key);
    if (known !== undefined) return known;
    const addresses = isLiteral ? [target.host] : [...SAMPLES, ...allowedIps.map(firstAddress)];
    const reached = this.#judge(endpoint, target, addresses);
    this.#judged.set(key, reached);
    return reached;
  }

  #judge(endpoint: Endpoint, target: Target, addresses: readonly string[]): readonly Reached[] {
    return addresses.flatMap((address): Reached[] => {
      const trustedGatewayIp = this.#trustedGatewayIp;
      const verdict = judgeAddress(endpoint, target, { address, trustedGatewayIp });
      const ip = parseIp(address);
      if (!verdict.ok || ip === null) return [];
      return [{ address, addressClass: classifyAddress(ip) }];
    });
  }
}

/** Returns an address inside a network; the second one, which a host may have. */
function firstAddress(text: string): string {
  const cidr = parseCidr(text);
  if (cidr === null) return text;
  const next = { version: cidr.version, value: cidr.base + 1n };
  return formatIp(cidrContains(cidr, next) ? next : { version: cidr.version, value: cidr.base });
}
