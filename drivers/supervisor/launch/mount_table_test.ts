import assert from "node:assert/strict";
import { findShown, isWithin, parseMountTable } from "./mount_table.ts";

const OWN = "/home/me/state";

/** `target root device`, a line each, as the kernel writes it. */
function tableOf(lines: readonly string[]) {
  return parseMountTable(
    lines.map((line, index) => {
      const [target, root, device] = line.split(" ");
      return `${index} 0 ${device} ${root} ${target} rw,nosuid shared:1 - ext4 /dev/x rw`;
    }).join("\n"),
  );
}

const DISK = "/ / 8:1";

Deno.test.each([
  { name: "nothing of it", path: "/home/me/work", table: [DISK], shows: false },
  { name: "it by its name", path: OWN, table: [DISK], shows: true },
  { name: "a part of it", path: `${OWN}/tls`, table: [DISK], shows: true },
  { name: "a folder that holds it", path: "/home", table: [DISK], shows: true },
  { name: "a folder with a name that begins alike", path: `${OWN}s`, table: [DISK], shows: false },
  { name: "it where nothing is known of mounts", path: OWN, table: [], shows: true },
  { name: "another mount of it", path: "/m", table: [DISK, `/m ${OWN} 8:1`], shows: true },
  { name: "below another mount", path: "/m/tls", table: [DISK, `/m ${OWN} 8:1`], shows: true },
  { name: "a mount of a part", path: "/m", table: [DISK, `/m ${OWN}/tls 8:1`], shows: true },
  { name: "a mount of what holds it", path: "/m", table: [DISK, "/m /home 8:1"], shows: true },
  {
    name: "the way to it in such a mount",
    path: "/m/me",
    table: [DISK, "/m /home 8:1"],
    shows: true,
  },
  { name: "a side way in it", path: "/m/other", table: [DISK, "/m /home 8:1"], shows: false },
  {
    name: "a mount somewhere below",
    path: "/m",
    table: [DISK, `/m/a/b ${OWN}/tls 8:1`],
    shows: true,
  },
  {
    name: "the whole disk once more, below",
    path: "/m",
    table: [DISK, "/m/all / 8:1"],
    shows: true,
  },
  {
    name: "another disk with such a path",
    path: "/m",
    table: [DISK, `/m ${OWN} 8:2`],
    shows: false,
  },
  { name: "another disk", path: "/m", table: [DISK, "/m / 8:2"], shows: false },
  {
    name: "a mount of it that another one covers",
    path: "/m",
    table: [DISK, `/m ${OWN} 8:1`, "/m / 8:2"],
    shows: false,
  },
  {
    name: "the disk that it is mounted from",
    path: "/data/state",
    table: [DISK, "/data / 8:2", `${OWN} /state 8:2`],
    shows: true,
  },
  {
    name: "what is mounted in it",
    path: "/data/deep",
    table: [DISK, "/data / 8:2", `${OWN}/tls /deep 8:2`],
    shows: true,
  },
])("findShown() of $name", ({ path, table, shows }) => {
  assert.equal(findShown(path, [OWN], tableOf(table)), shows ? OWN : undefined);
});

Deno.test("parseMountTable() reads what is escaped", () => {
  const [mount] = parseMountTable("1 0 8:1 /a\\040b /c\\134\\011d ro,nodev - tmpfs none rw\n");
  const want = { target: "/c\\\td", root: "/a b", device: "8:1", options: ["ro", "nodev"] };
  assert.deepEqual(mount, want);
});

Deno.test("isWithin() goes by whole names", () => {
  assert.ok(isWithin("/a/b", "/a"));
  assert.ok(isWithin("/a", "/a"));
  assert.ok(isWithin("/a", "/"));
  assert.ok(!isWithin("/ab", "/a"));
});
