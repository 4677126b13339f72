/**
 * The newest events of one chain first.
 *
 * @module
 */

import type { OpenEventFile } from "../../drivers/system/event_log/event_files.ts";
import { linesBackward } from "../../drivers/system/event_log/lines.ts";
import type { EventOrigin } from "./event_origin.ts";
import { readStored, type StoredEvent } from "./stored_event.ts";

/** Yields all events that stood in the files when they were opened. */
export async function* readBackward(
  files: readonly OpenEventFile[],
  source: EventOrigin,
): AsyncGenerator<StoredEvent, void, void> {
  let neighbourMs = 0;
  for (const { file, size } of files.toReversed()) {
    for await (const line of linesBackward(file, size)) {
      const event = readStored(line, source, neighbourMs);
      neighbourMs = event.timeMs;
      yield event;
    }
  }
}

/** Yields the events of several chains, the latest first; each chain keeps its own order. */
export async function* mergeBackward(
  chains: readonly AsyncGenerator<StoredEvent, void, void>[],
): AsyncGenerator<StoredEvent, void, void> {
  const heads = await Promise.all(chains.map((chain) => chain.next()));
  while (true) {
    let latest = -1;
    heads.forEach(({ done, value }, index) => {
      if (done || !value) return;
      const other = heads[latest]?.value;
      if (!other || value.timeMs > other.timeMs) latest = index;
    });
    if (latest < 0) return;
    yield heads[latest]!.value as StoredEvent;
    heads[latest] = await chains[latest]!.next();
  }
}
