/**
 * A name server that lies: some names mean another address each time that they are asked for.
 *
 * Runs where the machine is. Writes a line for each name that it is asked for, and ends with its
 * input.
 *
 * @module
 */

const PUBLIC = "11.22.33.10";

/** Answers by name. The last one is repeated. */
const ANSWERS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "good.example.org": [[PUBLIC]],
  "flip.example.org": [[PUBLIC], ["127.0.0.1"]],
  "loop.example.org": [["127.0.0.1"]],
  "loop8.example.org": [["127.9.9.9"]],
  "both.example.org": [[PUBLIC, "127.0.0.1"]],
  "private.example.org": [["10.20.0.5"]],
  "metadata.example.org": [["169.254.169.254"]],
  "zero.example.org": [["0.0.0.0"]],
  "self.example.org": [["10.255.0.1"]],
  "mapped.example.org": [["::ffff:127.0.0.1"]],
  "nat64.example.org": [["64:ff9b::7f00:1"]],
  "sixtofour.example.org": [["2002:7f00:1::1"]],
  "loop6.example.org": [["::1"]],
  "link6.example.org": [["fe80::1"]],
  "unique6.example.org": [["fd00::1"]],
  "multicast.example.org": [["224.0.0.1"]],
  "broadcast.example.org": [["255.255.255.255"]],
};

const TYPES = { address: 1, address6: 28 } as const;

class NameServer {
  readonly #asked = new Map<string, number>();

  /** Returns the answer to a message. */
  answer(message: Uint8Array, onName: (name: string) => void): Uint8Array<ArrayBuffer> {
    const { name, end } = readName(message);
    onName(name);
    const type = message[end + 1] ?? 0;
    const addresses = this.#addresses(name, type)
      .filter((address) => address.includes(":") === (type === TYPES.address6));
    const isKnown = Object.hasOwn(ANSWERS, name.toLowerCase());
    const question = message.subarray(12, end + 4);
    const flags = isKnown ? [0x81, 0x80] : [0x81, 0x83];
    const head = [message[0]!, message[1]!, ...flags, 0, 1, 0, addresses.length, 0, 0, 0, 0];
    const records = addresses.flatMap((address) => {
      const data = bytesOf(address);
      return [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length, ...data];
    });
    return Uint8Array.from([...head, ...question, ...records]);
  }

  #addresses(name: string, type: number): readonly string[] {
    const answers = ANSWERS[name.toLowerCase()] ?? [[]];
    const key = `${name.toLowerCase()} ${type}`;
    const count = this.#asked.get(key) ?? 0;
    this.#asked.set(key, count + 1);
    return answers[Math.min(count, answers.length - 1)] ?? [];
  }
}

function readName(message: Uint8Array): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(new TextDecoder("latin1").decode(message.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return { name: labels.join("."), end: at + 1 };
}

function bytesOf(address: string): readonly number[] {
  if (!address.includes(":")) return address.split(".").map(Number);
  const text = address.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, ...parts: string[]) => {
      const [a, b, c, d] = parts.map(Number);
      return `${(a! * 256 + b!).toString(16)}:${(c! * 256 + d!).toString(16)}`;
    },
  );
  const [left = "", right = ""] = text.split("::");
  const groups = (part: string) => part.split(":").filter((group) => group !== "");
  const zeros = Array<string>(8 - groups(left).length - groups(right).length).fill("0");
  return [...groups(left), ...zeros, ...groups(right)].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

async function main(): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 53 });
  const server = new NameServer();
  const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  say("ready");
  void (async () => {
    for await (const [message, from] of socket) {
      await socket.send(server.answer(message, say), from);
    }
  })().catch(() => {});
  // Nothing is said to it: its input ends when whoever started it wants it to end.
  for await (const _ of Deno.stdin.readable);
  socket.close();
}

if (import.meta.main) await main();
