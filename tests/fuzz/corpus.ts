/**
 * Inputs that once failed, one file each: `tests/fuzz/corpus/TARGET/NAME`.
 *
 * @module
 */

export interface CorpusEntry {
  readonly name: string;
  readonly input: Uint8Array;
}

/** Returns the inputs of a target, in order of their names; none where it has no folder. */
export function readCorpus(target: string): readonly CorpusEntry[] {
  const folder = new URL(`corpus/${target}/`, import.meta.url);
  try {
    return [...Deno.readDirSync(folder)]
      .filter(({ isFile }) => isFile)
      .map(({ name }) => ({ name, input: Deno.readFileSync(new URL(name, folder)) }))
      .sort((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
