/**
 * The thread of one proof: reads the documents, proves, answers once.
 *
 * A proof keeps its thread busy until it is done, and whoever asks may have others to serve.
 *
 * @module
 */

import { serveProofs } from "./serve_proofs.ts";

serveProofs(self as unknown as Parameters<typeof serveProofs>[0]);
