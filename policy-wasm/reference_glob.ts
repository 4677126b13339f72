/**
 * Globs by backtracking, for `reference.ts`: one function that reads the pattern's text as
 * `architecture/policy.md` describes it, and is compared with the automata in tests.
 *
 * @module
 */

type Use = "path" | "text" | "any" | "host";

/** Tells whether a well-formed pattern matches the whole value. */
export function matchesGlob(pattern: string, value: string, use: Use): boolean {
  const characters = [...value];
  return alternativesOf(pattern).some((text) => new Matcher([...text], characters, use).run());
}

/** Tells whether an endpoint's host, exact or a pattern, is or covers the host. */
export function matchesHost(pattern: string, host: string): boolean {
  return pattern.includes("*") ? matchesGlob(pattern, host, "host") : pattern === host;
}

/** Writes out the first pair of braces, and so on until none is left. */
function alternativesOf(pattern: string): string[] {
  let open = -1;
  let pieces: string[] = [];
  let start = 0;
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === "\\") {
      i++;
    } else if (pattern[i] === "[") {
      i = endOfClass([...pattern.slice(i)]) + i;
    } else if (pattern[i] === "{") {
      open = i;
      start = i + 1;
      pieces = [];
    } else if (open >= 0 && (pattern[i] === "," || pattern[i] === "}")) {
      pieces.push(pattern.slice(start, i));
      start = i + 1;
      if (pattern[i] === ",") continue;
      const before = pattern.slice(0, open);
      const rest = alternativesOf(pattern.slice(i + 1));
      return pieces.flatMap((piece) => rest.map((end) => before + piece + end));
    }
  }
  return [pattern];
}

class Matcher {
  readonly #pattern: readonly string[];
  readonly #value: readonly string[];
  readonly #use: Use;
  readonly #separator: string | null;
  readonly #known = new Map<number, boolean>();

  constructor(pattern: readonly string[], value: readonly string[], use: Use) {
    this.#pattern = pattern;
    this.#value = value;
    this.#use = use;
    this.#separator = use === "any" ? null : use === "path" ? "/" : ".";
  }

  run(): boolean {
    return this.#from(0, 0);
  }

  /** Tells whether the pattern from `p` matches the value from `v`; each pair is tried once. */
  #from(p: number, v: number): boolean {
    const key = p * (this.#value.length + 1) + v;
    let answer = this.#known.get(key);
    if (answer === undefined) {
      answer = this.#try(p, v);
      this.#known.set(key, answer);
    }
    return answer;
  }

  #try(p: number, v: number): boolean {
    const token = this.#pattern[p];
    const character = this.#value[v];
    if (token === undefined) return character === undefined;
    if (token === "*") return this.#stars(p, v);
    if (token === "\\") return character === this.#pattern[p + 1] && this.#from(p + 2, v + 1);
    if (token === "?") {
      return character !== undefined && character !== this.#separator && this.#from(p + 1, v + 1);
    }
    if (token === "[") {
      const end = endOfClass(this.#pattern.slice(p)) + p;
      return character !== undefined &&
        inClass(this.#pattern.slice(p + 1, end), character) && this.#from(end + 1, v + 1);
    }
    return character === token && this.#from(p + 1, v + 1);
  }

  #stars(p: number, v: number): boolean {
    let after = p;
    while (this.#pattern[after] === "*") after++;
    const startsComponent = p === 0 || this.#pattern[p - 1] === this.#separator;
    const endsComponent = after === this.#pattern.length ||
      this.#pattern[after] === this.#separator;
    const isComponent = after - p === 2 && startsComponent && endsComponent;
    if (isComponent && this.#use === "path" && after < this.#pattern.length) {
      // `**/`: nothing at all, or anything up to and including a slash.
      if (this.#from(after + 1, v)) return true;
      for (let i = v; i < this.#value.length; i++) {
        if (this.#value[i] === this.#separator && this.#from(after + 1, i + 1)) return true;
      }
      return false;
    }
    for (let i = v;; i++) {
      if (this.#from(after, i)) return true;
      if (i === this.#value.length) return false;
      if (!isComponent && this.#value[i] === this.#separator) return false;
    }
  }
}

/** Index of the bracket that closes the class which starts the text. */
function endOfClass(text: readonly string[]): number {
  const first = text[1] === "!" || text[1] === "^" ? 2 : 1;
  return text.indexOf("]", first + 1);
}

function inClass(body: readonly string[], character: string): boolean {
  const isNegated = body[0] === "!" || body[0] === "^";
  let found = false;
  for (let i = isNegated ? 1 : 0; i < body.length; i++) {
    if (body[i + 1] === "-" && i + 2 < body.length) {
      found ||= body[i]! <= character && character <= body[i + 2]!;
      i += 2;
    } else {
      found ||= body[i] === character;
    }
  }
  return found !== isNegated;
}
