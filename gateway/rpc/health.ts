/**
 * Whether the gateway lives, and whether it can serve, as plain HTTP for whoever watches over it.
 *
 * @module
 */

import type { ObjectStore } from "../store/contract.ts";

export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface HealthPorts {
  readonly version: string;
  readonly store: Pick<ObjectStore, "ping">;
}

/** Returns the answer for a path, `null` for one that is not about health. */
export async function answerHealth(path: string, ports: HealthPorts): Promise<HealthAnswer | null> {
  const { version } = ports;
  if (path === "/healthz") return { status: 200, body: { status: "healthy", version } };
  if (path !== "/readyz" && path !== "/health") return null;
  const database = await checkDatabase(ports);
  const status = database.status === "healthy" ? 200 : 503;
  return { status, body: { status: database.status, version, checks: { database } } };
}

async function checkDatabase({ store }: HealthPorts) {
  try {
    const latencyMs = await store.ping();
    return { status: "healthy", latency_ms: Math.round(latencyMs * 1000) / 1000 } as const;
  } catch (error) {
    // The text may name a path; whoever asks has a certificate of ours.
    return { status: "unhealthy", error: (error as Error).message } as const;
  }
}
