/**
 * Finds the keys that leave a session: Ctrl-P, then Ctrl-Q.
 *
 * @module
 */

const CTRL_P = 0x10;
const CTRL_Q = 0x11;

/** What is left of some keys. */
export interface FilteredKeys {
  /** To be passed on. */
  readonly bytes: Uint8Array;
  /** True when the person has asked to leave; what they pressed after that is dropped. */
  readonly isDetached: boolean;
}

/** Looks at keys in the order they come. A lone Ctrl-P waits for the key after it. */
export class DetachKeys {
  #holdsCtrlP = false;

  filter(keys: Uint8Array): FilteredKeys {
    const kept: number[] = [];
    for (const key of keys) {
      if (this.#holdsCtrlP && key === CTRL_Q) {
        return { bytes: Uint8Array.from(kept), isDetached: true };
      }
      if (this.#holdsCtrlP) kept.push(CTRL_P);
      this.#holdsCtrlP = key === CTRL_P;
      if (!this.#holdsCtrlP) kept.push(key);
    }
    return { bytes: Uint8Array.from(kept), isDetached: false };
  }
}
