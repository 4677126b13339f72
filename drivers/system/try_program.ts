/**
 * Tries whether a program does its work, where there is nobody who could wait for it.
 *
 * @module
 */

import process from "node:process";

/**
 * Runs a program to its end, without input and environment. False where it is not there, fails, or
 * has not ended in time: then it is killed.
 */
export function tryProgram(
  program: string,
  args: readonly string[],
  msMax: number,
): boolean {
  // Loading it takes longer than most of what is started, and few have to try anything.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const { status } = spawnSync(program, [...args], {
    cwd: "/",
    env: {},
    stdio: "ignore",
    timeout: msMax,
    killSignal: "SIGKILL",
  });
  return status === 0;
}
