/**
 * All fuzz targets.
 *
 * @module
 */

import type { Target } from "../target.ts";
import { CHUNKED_BODY } from "./chunked_body.ts";
import { HTTP_REQUEST } from "./http_request.ts";
import { HTTP_RESPONSE } from "./http_response.ts";
import { PROXY } from "./proxy.ts";

export const TARGETS: readonly Target[] = [HTTP_REQUEST, HTTP_RESPONSE, CHUNKED_BODY, PROXY];
