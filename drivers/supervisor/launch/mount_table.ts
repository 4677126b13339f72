/**
 * What is mounted where, as the kernel tells it (proc_pid_mountinfo(5)), and what of a file system a
 * path shows with all that is mounted below it.
 *
 * Pure: no I/O, no module state.
 *
 * @module
 */

/** One mount. */
export interface TableMount {
  /** Where it is mounted. */
  readonly target: string;
  /** The folder of its file system that is mounted. */
  readonly root: string;
  /** The file system: its major and minor number. */
  readonly device: string;
  readonly options: readonly string[];
}

/** A path of a file system, whatever mount leads there. */
interface Place {
  readonly device: string;
  readonly path: string;
}

/** Reads `mountinfo`, in its order: of two mounts at one target, the later one is seen. */
export function parseMountTable(text: string): readonly TableMount[] {
  return text.trim().split("\n").map((line) => {
    const [, , device = "", root = "", target = "", options = ""] = line.split(" ");
    return { target: unescape(target), root: unescape(root), device, options: options.split(",") };
  });
}

/**
 * Returns the first of `folders` that somebody sees who sees `path`: in whole or in part, there or by
 * another mount of the same files. Paths are without links.
 */
export function findShown(
  path: string,
  folders: readonly string[],
  table: readonly TableMount[],
): string | undefined {
  const shown = placesOf(path, table);
  return folders.find((folder) =>
    isEither(folder, path) ||
    placesOf(folder, table).some((own) =>
      shown.some((place) => place.device === own.device && isEither(place.path, own.path))
    )
  );
}

/** Whether `path` is `folder` or lies in it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

function isEither(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

/** Where a path lies, and the roots of what is mounted below it. */
function placesOf(path: string, table: readonly TableMount[]): readonly Place[] {
  const above = table.filter(({ target }) => isWithin(path, target))
    .reduce<TableMount | null>(
      (best, mount) => best === null || mount.target.length >= best.target.length ? mount : best,
      null,
    );
  const below = table.filter(({ target }) => target !== path && isWithin(target, path))
    .map(({ device, root }) => ({ device, path: root }));
  return above === null ? below : [placeIn(above, path), ...below];
}

function placeIn({ target, root, device }: TableMount, path: string): Place {
  const rest = target === "/" ? path : path.slice(target.length);
  return { device, path: root === "/" ? rest || "/" : root + (rest === "/" ? "" : rest) };
}

/** Space, tab, newline and backslash are written as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}
