/**
 * Where tokens come from. The profile says it: material may choose a tenant of Microsoft, and nothing
 * else.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

import { isSafeTokenUrl } from "../profile/check_refresh.ts";
import type { ProfileRefresh } from "../profile/profile.ts";
import { InvalidProviderError } from "../provider_errors.ts";

type Texts = Readonly<Record<string, string>>;

const GOOGLE = "https://oauth2.googleapis.com/token";
const MICROSOFT = "https://login.microsoftonline.com";

/** Returns the address that is kept for a refresh. @throws {InvalidProviderError} */
export function tokenUrlOf({ strategy, tokenUrl }: ProfileRefresh, material: Texts): string {
  switch (strategy) {
    case "aws_sts_assume_role":
      if (tokenUrl !== "") {
        throw new InvalidProviderError("the profile", "an address of its own for AWS is refused");
      }
      return stsUrl(material["aws_region"] ?? "us-east-1");
    case "google_service_account_jwt":
      return checked(tokenUrl || GOOGLE);
    default:
      return checked(tenantUrl(tokenUrl, material["tenant_id"] ?? "") ?? tokenUrl);
  }
}

/** `null` where a tenant changes nothing. */
function tenantUrl(tokenUrl: string, tenant: string): string | null {
  if (tenant === "") return null;
  const isMicrosoft = tokenUrl === "" || URL.parse(tokenUrl)?.origin === MICROSOFT;
  if (!isMicrosoft) return null;
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,126}[A-Za-z0-9])?$/.test(tenant) || tenant.includes("..")) {
    throw new InvalidProviderError(
      'material "tenant_id"',
      "it is no id, domain or name of a tenant",
    );
  }
  return `${MICROSOFT}/${tenant}/oauth2/v2.0/token`;
}

function stsUrl(region: string): string {
  if (!/^[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}$/.test(region)) {
    throw new InvalidProviderError('material "aws_region"', "it is no region, as us-east-1 is");
  }
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return `https://sts.${region}.${domain}/`;
}

function checked(url: string): string {
  if (url === "") {
    throw new InvalidProviderError(
      "the profile",
      "its refresh has no token_url",
      'Add token_url to it, with "openshell provider profile update"',
    );
  }
  if (isSafeTokenUrl(url)) return url;
  throw new InvalidProviderError("the profile", "its token_url is not https, or to this machine");
}
