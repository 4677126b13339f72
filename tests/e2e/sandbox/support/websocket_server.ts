/**
 * A server that echoes what it is sent over WebSockets, and writes down what reaches it: run as a
 * program of its own.
 *
 * `deno run -A websocket_server.ts ADDRESS RECORD_FILE CERTIFICATE KEY`. TLS is on 9443, plain on
 * 9080. `/refused` is answered with 401.
 *
 * @module
 */

const [hostname = "", recordFile = "", certificateFile = "", keyFile = ""] = Deno.args;

function record(path: string, event: string, text: string): void {
  Deno.writeTextFileSync(recordFile, `${JSON.stringify({ path, event, text })}\n`, {
    append: true,
  });
}

function serve(request: Request): Response {
  const path = new URL(request.url).pathname;
  record(path, "request", JSON.stringify([...request.headers]));
  if (path === "/refused" || request.headers.get("upgrade") === null) {
    return new Response("no socket here", { status: 401 });
  }
  const [protocol] = request.headers.get("sec-websocket-protocol")?.split(/, */) ?? [];
  const { socket, response } = Deno.upgradeWebSocket(
    request,
    protocol === undefined ? {} : { protocol },
  );
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    const isText = typeof data === "string";
    const text = isText ? data : new TextDecoder("latin1").decode(data);
    record(path, isText ? "text" : "binary", text);
    socket.send(isText ? `echo:${text}` : data);
  };
  socket.onclose = ({ code }) => record(path, "close", String(code));
  socket.onerror = () => {};
  return response;
}

if (import.meta.main) {
  const cert = Deno.readTextFileSync(certificateFile);
  const key = Deno.readTextFileSync(keyFile);
  const onListen = ({ port }: Deno.NetAddr) => record("", "listens", String(port));
  Deno.serve({ hostname, port: 9443, cert, key, onListen }, serve);
  Deno.serve({ hostname, port: 9080, onListen }, serve);
}
