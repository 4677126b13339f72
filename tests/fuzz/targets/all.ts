/**
 * All fuzz targets.
 *
 * @module
 */

import type { Target } from "../target.ts";
import { AUTHORITY } from "./authority.ts";
import { CHUNKED_BODY } from "./chunked_body.ts";
import { CLIENT_HELLO } from "./client_hello.ts";
import { HOST } from "./host.ts";
import { HTTP_REQUEST } from "./http_request.ts";
import { HTTP_RESPONSE } from "./http_response.ts";
import { PATH } from "./path.ts";
import { PROXY } from "./proxy.ts";

export const TARGETS: readonly Target[] = [
  AUTHORITY,
  CHUNKED_BODY,
  CLIENT_HELLO,
  HOST,
  HTTP_REQUEST,
  HTTP_RESPONSE,
  PATH,
  PROXY,
];
