/**
 * `openshell sandbox upload` and `openshell sandbox download`.
 *
 * @module
 */

import type { Invocation } from "../command.ts";
import { EXIT_OK } from "../exit.ts";
import { sandboxOf, withGateway } from "../gateway_access.ts";
import { printableLine } from "../printable.ts";
import { withInterrupt } from "../session/with_interrupt.ts";
import { fetchFiles } from "../transfer/download.ts";
import { checkSource, sendFiles } from "../transfer/upload.ts";

/** Copies a file or folder into a sandbox. */
export async function upload(invocation: Invocation): Promise<number> {
  const { context } = invocation;
  const local = invocation.argument("LOCAL");
  const remote = invocation.arguments("DEST")[0] ?? "";
  await checkSource(context, local);
  return await withGateway(invocation, async (gateway) => {
    const { id: sandboxId, name } = await sandboxOf(
      invocation,
      gateway,
      invocation.argument("NAME"),
    );
    const all = invocation.switch("no-git-ignore");
    return await withInterrupt(context, async (signal) => {
      const count = await sendFiles(context, gateway, { sandboxId, local, remote, all, signal });
      const what = count === 1 ? "1 entry" : `${count} entries`;
      context.stderr.write(`✓ Uploaded ${what} to sandbox "${printableLine(name)}"\n`);
      return EXIT_OK;
    });
  });
}

/** Copies a file or folder out of a sandbox. */
export async function download(invocation: Invocation): Promise<number> {
  const { context } = invocation;
  const remote = invocation.argument("PATH");
  const local = invocation.arguments("DEST")[0] ?? ".";
  return await withGateway(invocation, async (gateway) => {
    const { id: sandboxId } = await sandboxOf(invocation, gateway, invocation.argument("NAME"));
    return await withInterrupt(context, async (signal) => {
      const place = await fetchFiles(context, gateway, {
        ...{ sandboxId, remote, local, signal },
        force: invocation.switch("force"),
        onWarning: (text) => context.stderr.write(`⚠ ${text}\n`),
      });
      context.stderr.write(`✓ Downloaded to "${printableLine(place)}"\n`);
      return EXIT_OK;
    });
  });
}
