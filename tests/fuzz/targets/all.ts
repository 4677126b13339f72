/**
 * All fuzz targets.
 *
 * @module
 */

import type { Target } from "../target.ts";
import { AUTHORITY } from "./authority.ts";
import { CERTIFICATE } from "./certificate.ts";
import { CHUNKED_BODY } from "./chunked_body.ts";
import { CLIENT_HELLO } from "./client_hello.ts";
import { DOWNLOAD } from "./download.ts";
import { EVALUATOR } from "./evaluator.ts";
import { EVENT_LOG } from "./event_log.ts";
import { GATEWAY_REQUEST } from "./gateway_request.ts";
import { HOST } from "./host.ts";
import { HTTP_REQUEST } from "./http_request.ts";
import { HTTP_RESPONSE } from "./http_response.ts";
import { IMAGE } from "./image.ts";
import { PATH } from "./path.ts";
import { POLICY } from "./policy.ts";
import { POLICY_WIRE } from "./policy_wire.ts";
import { PROXY } from "./proxy.ts";
import { PROXY_SOCKETS } from "./proxy_sockets.ts";
import { SERVER_NAME } from "./server_name.ts";
import { WEBSOCKET } from "./websocket.ts";

export const TARGETS: readonly Target[] = [
  AUTHORITY,
  CERTIFICATE,
  CHUNKED_BODY,
  CLIENT_HELLO,
  DOWNLOAD,
  EVALUATOR,
  EVENT_LOG,
  GATEWAY_REQUEST,
  HOST,
  HTTP_REQUEST,
  HTTP_RESPONSE,
  IMAGE,
  PATH,
  POLICY,
  POLICY_WIRE,
  PROXY,
  PROXY_SOCKETS,
  SERVER_NAME,
  WEBSOCKET,
];
