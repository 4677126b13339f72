/**
 * The scripts that teach a shell to complete `openshell`.
 *
 * Each one asks the program itself, by the hidden command `complete`, so that a script is never
 * older than the program. The answer is one line with the kind, then one line for each word: the
 * word, a tab, its summary. Only the `openshell` on the path is asked, never a file that happens to
 * have the name in the current directory.
 *
 * @module
 */

import bash from "./completion_scripts/openshell.bash" with { type: "text" };
import fish from "./completion_scripts/openshell.fish" with { type: "text" };
import powershell from "./completion_scripts/openshell.ps1" with { type: "text" };
import zsh from "./completion_scripts/openshell.zsh" with { type: "text" };

/** The script of each shell that has one. */
export const COMPLETION_SCRIPTS: ReadonlyMap<string, string> = new Map([
  ["bash", bash],
  ["zsh", zsh],
  ["fish", fish],
  ["powershell", powershell],
]);
