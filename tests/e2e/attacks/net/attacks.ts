/**
 * All attacks by the network.
 *
 * @module
 */

import type { Attack } from "../support/attack.ts";
import { PROXY_ATTACKS } from "./forward.ts";
import { FRAMING_ATTACKS } from "./http_framing.ts";
import { REQUEST_ATTACKS } from "./http_requests.ts";
import { IDENTITY_ATTACKS } from "./identity.ts";
import { NAME_ATTACKS } from "./names.ts";
import { SOCKET_AND_NAMESPACE_ATTACKS } from "./network.ts";
import { TLS_ATTACKS } from "./tls.ts";

export const NETWORK_ATTACKS: readonly Attack[] = [
  ...FRAMING_ATTACKS,
  ...REQUEST_ATTACKS,
  ...PROXY_ATTACKS,
  ...TLS_ATTACKS,
  ...NAME_ATTACKS,
  ...IDENTITY_ATTACKS,
  ...SOCKET_AND_NAMESPACE_ATTACKS,
];
