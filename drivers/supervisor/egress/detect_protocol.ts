/**
 * Finds out what a program speaks in its tunnel, from its first bytes, which stay to be read.
 *
 * @module
 */

import type { BufferedStream } from "./http1/buffered_stream.ts";
import { parseClientHello } from "./tls/client_hello.ts";

export type DetectedProtocol =
  /** `serverName` is canonical, `null` where the program names none. */
  | { readonly kind: "tls"; readonly serverName: string | null }
  | { readonly kind: "http1" }
  | { readonly kind: "http2" }
  /** TLS that not every reader would read alike. */
  | { readonly kind: "malformed_tls"; readonly detail: string }
  | { readonly kind: "unknown" }
  /** It ended without saying anything. */
  | { readonly kind: "nothing" };

/** What HTTP/2 begins with, up to where no method of HTTP/1 goes on: `PROPFIND` is one. */
const HTTP2_START = "PRI";

/** Waits for as many bytes as it takes. */
export async function detectProtocol(client: BufferedStream): Promise<DetectedProtocol> {
  for (;;) {
    const bytes = client.view();
    const detected = bytes.length === 0 ? null : detect(bytes);
    if (detected !== null) return detected;
    if (!await client.fill()) return { kind: bytes.length === 0 ? "nothing" : "unknown" };
  }
}

/** Returns `null` where more bytes are needed. */
function detect(bytes: Uint8Array): DetectedProtocol | null {
  const hello = parseClientHello(bytes);
  switch (hello.kind) {
    case "need_more":
      return null;
    case "hello":
      return { kind: "tls", serverName: hello.serverName };
    case "malformed":
      return { kind: "malformed_tls", detail: hello.detail };
    case "not_tls":
      return detectPlain(bytes);
  }
}

function detectPlain(bytes: Uint8Array): DetectedProtocol | null {
  const start = String.fromCharCode(...bytes.subarray(0, HTTP2_START.length));
  if (start === HTTP2_START) return { kind: "http2" };
  if (HTTP2_START.startsWith(start)) return null;
  return { kind: /^[A-Z]/.test(start) ? "http1" : "unknown" };
}
