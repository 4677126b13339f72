/**
 * Which addresses an endpoint lets a connection be dialled at, judged as real connections are, and
 * which of them another endpoint would refuse.
 *
 * @module
 */

import { type DestinationVerdict, judgeDestination } from "../../policy-wasm/destination.ts";
import { type Cidr, formatIp, parseCidr } from "../../policy-wasm/ip.ts";
import type { Endpoint } from "../../policy-wasm/policy.ts";
import type { Target } from "../../policy-wasm/request.ts";
import type { Connection } from "../space/space.ts";

/** An address that one side dials and the other refuses. */
export interface AddressBeyond {
  readonly target: Target;
  readonly address: string;
}

/** Public addresses, and one of each kind that a network may have inside. */
const SAMPLES: readonly string[] = ["93.184.215.14", "2606:2800:21f::1", "10.0.0.1", "fd12::1"];

/** Judges one address of a host, by the endpoint that admitted the connection. */
export function judgeAddress(
  { host, allowedIps }: Endpoint,
  target: Target,
  { address, trustedGatewayIp }: {
    readonly address: string;
    readonly trustedGatewayIp: string | null;
  },
): DestinationVerdict {
  const hostKind = host === "" ? "none" : host.includes("*") ? "pattern" : "exact";
  return judgeDestination({
    ...target,
    addresses: [address],
    endpoint: { hostKind, allowedIps, advisorProposed: false },
    trustedGatewayIp,
  });
}

/**
 * Returns an address at which the wide side dials a connection that the narrow side would not dial
 * there, `null` where there is none.
 *
 * A name that one side writes out and the other covers by a pattern may resolve inside for the
 * first alone. That is no difference here, as it is no finding of `private_reach`: what a name
 * resolves to is not the policy's to say, but `allowed_ips` is.
 */
export function addressBeyond(
  { place, admitted }: Connection,
  { passes, stops }: { readonly passes: number; readonly stops: number },
): AddressBeyond | null {
  const wide = admitted.find(({ side }) => side === passes)?.endpoint;
  const narrow = admitted.find(({ side }) => side === stops)?.endpoint;
  if (wide === undefined || narrow === undefined) return null;
  const networks = [...wide.allowedIps, ...narrow.allowedIps];
  if (networks.length === 0) return null;
  const addresses = new Set([...SAMPLES, ...networks.flatMap(edgesOf)]);
  for (const target of place.targets) {
    for (const address of addresses) {
      const options = { address, trustedGatewayIp: null };
      if (!judgeAddress(wide, target, options).ok) continue;
      if (!judgeAddress(narrow, target, options).ok) return { target, address };
    }
  }
  return null;
}

/** Returns the addresses around both ends of a network, where sets of networks begin to differ. */
function edgesOf(text: string): readonly string[] {
  const cidr = parseCidr(text);
  if (cidr === null) return [];
  const [first, last] = [cidr.base, cidr.base + sizeOf(cidr) - 1n];
  const limit = 1n << BigInt(bitsOf(cidr));
  return [first, first + 1n, last, last + 1n, first - 1n]
    .filter((value) => value >= 0n && value < limit)
    .map((value) => formatIp({ version: cidr.version, value }));
}

function sizeOf(cidr: Cidr): bigint {
  return 1n << BigInt(bitsOf(cidr) - cidr.prefix);
}

function bitsOf({ version }: Cidr): number {
  return version === 4 ? 32 : 128;
}
