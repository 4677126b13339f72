/**
 * The process that holds origins, inside the namespace of the internet.
 *
 * Its argument says what listens where. Commands come on standard input and replies go to standard
 * output, a line of JSON each; it ends with its input.
 *
 * @module
 */

import { answerAll } from "./answer.ts";
import { OriginConnection } from "./origin_connection.ts";
import type { OriginCommand, OriginReply, OriginSpec } from "./recording.ts";

class OriginServer {
  #connections: OriginConnection[] = [];
  readonly #listeners: Deno.Listener[] = [];

  listen(spec: OriginSpec): void {
    const where = { hostname: spec.address, port: spec.port };
    const listener = spec.tls === undefined ? Deno.listen(where) : Deno.listenTls({
      ...where,
      cert: Deno.readTextFileSync(spec.tls.certificateFile),
      key: Deno.readTextFileSync(spec.tls.keyFile),
      alpnProtocols: ["http/1.1"],
    });
    this.#listeners.push(listener);
    void this.#accept(spec, listener);
  }

  execute(command: OriginCommand): OriginReply {
    switch (command) {
      case "recordings":
        return this.#connections.map((connection) => connection.recording());
      case "clear":
        this.#connections = [];
        return null;
      case "end":
        for (const listener of this.#listeners) listener.close();
        for (const connection of this.#connections) connection.close();
        return null;
    }
  }

  async #accept(spec: OriginSpec, listener: Deno.Listener): Promise<void> {
    for (;;) {
      let accepted: Deno.Conn;
      try {
        accepted = await listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        continue; // A handshake that failed is the client's business.
      }
      const connection = new OriginConnection(spec.name, accepted);
      this.#connections.push(connection);
      void this.#serve(spec, connection);
    }
  }

  async #serve(spec: OriginSpec, connection: OriginConnection): Promise<void> {
    try {
      if (spec.kind === "http") await answerAll(connection, spec.name);
      else {
        await connection.drain((bytes) =>
          spec.kind === "echo" ? connection.write(bytes) : Promise.resolve()
        );
      }
    } catch {
      // Whoever connected has gone: what it sent so far is recorded.
    } finally {
      connection.close();
    }
  }
}

async function main(specs: readonly OriginSpec[]): Promise<void> {
  const server = new OriginServer();
  for (const spec of specs) server.listen(spec);
  say("ready");
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  let text = "";
  for await (const piece of lines) {
    text += piece;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const command = JSON.parse(text.slice(0, end)) as OriginCommand;
      text = text.slice(end + 1);
      say(server.execute(command));
    }
  }
  server.execute("end");
}

function say(reply: unknown): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(reply)}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

if (import.meta.main) await main(JSON.parse(Deno.args[0] ?? "[]"));
