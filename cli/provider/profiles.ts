/**
 * `openshell provider list-profiles`, `provider profile …` and `provider rekey`.
 *
 * @module
 */

import { checkProfileText } from "../../gateway/client/profile_text.ts";
import type {
  ProfileOutcome,
  ProfileText,
  ProfileView,
} from "../../gateway/client/provider_types.ts";
import { renderDiagnostic } from "../../policy-wasm/render_diagnostic.ts";
import { PROFILE_BYTES_MAX } from "../../proto/provider_limits.ts";
import type { Invocation } from "../command.ts";
import { EXIT_FAILED, EXIT_OK } from "../exit.ts";
import { readInput } from "../files.ts";
import { withGateway, workspaceOf } from "../gateway_access.ts";
import { formatResult, formatTable, outputFormat, printResult } from "../output.ts";
import { printableLine, printableText } from "../printable.ts";
import { styleOf } from "../style.ts";
import { UsageError } from "../usage_error.ts";

/** Lists profiles, by category. */
export async function listProfiles(invocation: Invocation): Promise<number> {
  const place = placeOf(invocation);
  const profiles = (await withGateway(invocation, (gateway) => gateway.listProfiles(place)))
    .toSorted((a, b) => compare(a.category, b.category) || compare(a.id, b.id));
  await printResult(invocation, {
    value: profiles.map(({ document, source, scope }) => ({ ...document, source, scope })),
    text: (style) =>
      formatTable({
        headings: ["CATEGORY", "ID", "SCOPE", "SOURCE", "NAME", "ENDPOINTS"],
        rows: profiles.map((profile) => [
          profile.category,
          profile.id,
          profile.scope,
          profile.source,
          profile.displayName,
          `${profile.endpoints}${profile.inferenceCapable ? " (models)" : ""}`,
        ]),
      }, style),
  });
  return EXIT_OK;
}

/** Prints one as a file has it. */
export async function exportProfile(invocation: Invocation): Promise<number> {
  const { stdout } = invocation.context;
  const id = invocation.argument("ID");
  const place = placeOf(invocation);
  const profile = await withGateway(invocation, (gateway) => gateway.getProfile(place, id));
  const format = outputFormat(invocation) === "json" ? "json" : "yaml";
  const result = { value: profile.document, text: () => "" };
  stdout.write(await formatResult(result, format, styleOf(stdout, invocation.context)));
  return EXIT_OK;
}

/** Gives the gateway new profiles: all that are named, or none. */
export async function importProfiles(invocation: Invocation): Promise<number> {
  const texts = await readChecked(invocation);
  if (texts === null) return EXIT_FAILED;
  const place = placeOf(invocation);
  const outcome = await withGateway(invocation, (gateway) => gateway.importProfiles(place, texts));
  return tell(invocation, outcome, "Imported");
}

/** Replaces one. */
export async function updateProfile(invocation: Invocation): Promise<number> {
  const texts = await readChecked(invocation);
  if (texts === null) return EXIT_FAILED;
  const [text, ...more] = texts;
  if (text === undefined || more.length > 0) {
    throw new UsageError("Cannot update the profile: there should be one file");
  }
  const place = placeOf(invocation);
  const id = invocation.argument("ID");
  const outcome = await withGateway(
    invocation,
    (gateway) => gateway.updateProfile(place, id, text),
  );
  return tell(invocation, outcome, "Updated");
}

/** Says what is wrong with files. Needs no gateway. */
export async function lintProfiles(invocation: Invocation): Promise<number> {
  const texts = await readChecked(invocation);
  if (texts === null) return EXIT_FAILED;
  invocation.context.stderr.write(`✓ ${texts.length} profiles without an error\n`);
  return EXIT_OK;
}

/** Deletes one. */
export async function deleteProfile(invocation: Invocation): Promise<number> {
  const place = placeOf(invocation);
  const id = invocation.argument("ID");
  const isDeleted = await withGateway(invocation, (gateway) => gateway.deleteProfile(place, id));
  const shown = printableLine(id);
  invocation.context.stderr.write(
    isDeleted ? `✓ Deleted profile ${shown}\n` : `! Profile "${shown}" not found\n`,
  );
  return EXIT_OK;
}

/** Changes the key that encrypts credentials. */
export async function rekey(invocation: Invocation): Promise<number> {
  const count = await withGateway(invocation, (gateway) => gateway.rekeyCredentials());
  invocation.context.stderr.write(`✓ Changed the key of ${count} credentials\n`);
  return EXIT_OK;
}

/** Empty is all workspaces. */
function placeOf(invocation: Invocation): string {
  return invocation.switch("global") ? "" : workspaceOf(invocation);
}

/** Returns files without an error; shows what is wrong with the others, and returns `null`. */
async function readChecked(invocation: Invocation): Promise<readonly ProfileText[] | null> {
  const { context } = invocation;
  const paths = await pathsOf(invocation);
  const texts: ProfileText[] = [];
  let errors = 0;
  for (const path of paths) {
    const bytes = await readInput(context, path, PROFILE_BYTES_MAX);
    const { diagnostics, source } = checkProfileText(bytes);
    for (const diagnostic of diagnostics) {
      context.stderr.write(printableText(renderDiagnostic(diagnostic, source, { file: path })));
    }
    errors += diagnostics.filter(({ severity }) => severity === "error").length;
    texts.push({ text: source.text, source: path });
  }
  if (errors === 0) return texts;
  context.stderr.write(`error: ${errors === 1 ? "1 error" : `${errors} errors`}\n`);
  return null;
}

async function pathsOf(invocation: Invocation): Promise<readonly string[]> {
  const file = invocation.text("file");
  const folder = hasFlag(invocation, "from") ? invocation.text("from") : undefined;
  if ((file === undefined) === (folder === undefined)) {
    throw new UsageError('Cannot read profiles: give one of "--file" and "--from"');
  }
  if (file !== undefined) return [file];
  const names = (await invocation.context.files.list(folder!))
    .filter((name) => /\.(?:ya?ml|json)$/.test(name)).toSorted();
  if (names.length === 0) {
    throw new UsageError(`Cannot find a profile in "${folder}": no .yaml, .yml or .json is there`);
  }
  return names.map((name) => `${folder}/${name}`);
}

function hasFlag({ command }: Invocation, flag: string): boolean {
  return command.flags?.some(({ name }) => name === flag) === true;
}

function tell(
  { context: { stderr } }: Invocation,
  { ids, problems, isDone }: ProfileOutcome,
  done: string,
): number {
  for (const { source, field, message, severity } of problems) {
    const place = field === "" ? source : `${source}: ${field}`;
    stderr.write(`${severity}: ${printableLine(`${place}: ${message}`)}\n`);
  }
  if (!isDone) return EXIT_FAILED;
  stderr.write(`✓ ${done} ${printableLine(ids.join(", "))}\n`);
  return EXIT_OK;
}

function compare(a: ProfileView["id"], b: ProfileView["id"]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
