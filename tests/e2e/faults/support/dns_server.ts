/**
 * A name server that does not help: a process of its own, in the network of the origins.
 *
 * | Name starts with | Answer                                   |
 * | ---------------- | ---------------------------------------- |
 * | `garbage`        | bytes that are no answer                 |
 * | `loop`           | 127.0.0.1                                |
 * | `good`           | 203.0.113.10                             |
 * | anything else    | none, ever                               |
 *
 * Its arguments are the address and the port. It ends with its input.
 *
 * @module
 */

const ANSWERS: Readonly<Record<string, readonly number[]>> = {
  loop: [127, 0, 0, 1],
  good: [203, 0, 113, 10],
};

const TYPE_A = 1;

async function main([hostname = "", port = ""]: readonly string[]): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: Number(port) });
  console.log("listens");
  void Deno.stdin.readable.pipeTo(new WritableStream()).then(() => socket.close());
  for await (const [question, from] of socket) {
    const answer = answerTo(question);
    if (answer !== null) await socket.send(answer, from);
  }
}

/** Returns `null` for silence. */
function answerTo(question: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const length = question[12] ?? 0;
  const label = new TextDecoder().decode(question.subarray(13, 13 + length)).split("-")[0]!;
  if (label === "garbage") return new Uint8Array(question.length).fill(0xff);
  const address = ANSWERS[label];
  if (address === undefined) return null;
  let end = 12;
  while ((question[end] ?? 0) !== 0) end += question[end]! + 1;
  const asked = question.slice(0, end + 5);
  const isA = (question[end + 2] ?? 0) === TYPE_A;
  asked.set([0x81, 0x80], 2);
  asked.set([0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0], 4);
  const record = isA ? [0xc0, 12, 0, TYPE_A, 0, 1, 0, 0, 0, 1, 0, 4, ...address] : [];
  return new Uint8Array([...asked, ...record]);
}

if (import.meta.main) await main(Deno.args);
