/**
 * The keys of one route, and how a call gets them.
 *
 * Nothing here shows one by being printed.
 *
 * @module
 */

import type { ResolvedRoute } from "../../../proto/gen/openshell/inference/v1/inference_pb.ts";
import { sha256, signAws } from "../credentials/sign_aws.ts";
import { type Authority, formatAuthority, type Scheme } from "../egress/http1/authority.ts";
import { type HeaderField, isFieldValue } from "../egress/http1/header_fields.ts";
import { traitsOf } from "./provider_traits.ts";

/** A call as it leaves, but for its key. */
export interface UnsignedCall {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly HeaderField[];
  readonly body: Uint8Array | null;
}

/** What the gateway says of them. */
export type RouteKeySource = Pick<ResolvedRoute, "providerType" | "apiKey" | "awsSigning">;

/** What stands between signs of its own in the header of a signature. */
const KEY_ID = /^[A-Za-z0-9]{1,128}$/;

const REGION = /^[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}$/;

export class RouteKeys {
  readonly #source: RouteKeySource;

  private constructor({ providerType, apiKey, awsSigning }: RouteKeySource) {
    this.#source = { providerType, apiKey, ...awsSigning === undefined ? {} : { awsSigning } };
  }

  /** Returns `null` for keys that cannot be sent, or of which a part is missing. */
  static read(source: RouteKeySource): RouteKeys | null {
    const { apiKey, awsSigning } = source;
    if (!isSendable(apiKey)) return null;
    if (awsSigning === undefined) return new RouteKeys(source);
    const { region, accessKeyId, secretAccessKey, sessionToken } = awsSigning;
    const isWhole = apiKey === "" && REGION.test(region) && KEY_ID.test(accessKeyId) &&
      secretAccessKey !== "" && isSendable(sessionToken);
    return isWhole ? new RouteKeys(source) : null;
  }

  /** Returns the headers of a call with its key, or with a signature of all of it. */
  authorise(
    call: UnsignedCall,
    place: Authority & { readonly scheme: Scheme },
    nowMs: number,
  ): readonly HeaderField[] {
    const { providerType, apiKey, awsSigning } = this.#source;
    if (awsSigning === undefined) {
      return apiKey === ""
        ? call.fields
        : [...call.fields, traitsOf(providerType).keyField(apiKey)];
    }
    const { region, accessKeyId, secretAccessKey, sessionToken } = awsSigning;
    const host = formatAuthority(place, place.scheme);
    return signAws(
      { ...call, host, payload: sha256(call.body ?? "") },
      { accessKeyId, secretAccessKey, sessionToken: sessionToken === "" ? null : sessionToken },
      { service: "bedrock", region, nowMs },
    );
  }

  /** Returns a text with the keys taken out. */
  redact(text: string): string {
    const { apiKey, awsSigning } = this.#source;
    const { secretAccessKey = "", sessionToken = "", accessKeyId = "" } = awsSigning ?? {};
    return [apiKey, secretAccessKey, sessionToken, accessKeyId].filter((key) => key !== "")
      .reduce((shown, key) => shown.replaceAll(key, "[REDACTED]"), text);
  }
}

function isSendable(key: string): boolean {
  return isFieldValue(key) && !/^\s|\s$/.test(key);
}
