import assert from "node:assert/strict";
import { DOWNLOAD_BYTES_MAX } from "../../proto/limits.ts";
import { EntryChecker, type EntryHeader } from "./check_entry.ts";
import { TransferError } from "./transfer_error.ts";

function file(name: string, change: Partial<EntryHeader> = {}): EntryHeader {
  return { name, type: "file", size: 1, mode: 0o644, linkname: "", ...change };
}

function folder(name: string): EntryHeader {
  return file(name, { type: "directory", size: 0 });
}

function link(name: string, linkname: string): EntryHeader {
  return file(name, { type: "symlink", size: 0, linkname });
}

function hardLink(name: string, linkname: string): EntryHeader {
  return file(name, { type: "link", size: 0, linkname });
}

Deno.test.each([
  { entries: [file("a")], want: "file a" },
  { entries: [file("./a")], want: "file a" },
  { entries: [file("a//b/./c")], want: "file a/b/c" },
  { entries: [file("a", { type: "contiguous-file" })], want: "file a" },
  { entries: [folder(".")], want: "folder " },
  { entries: [folder("./")], want: "folder " },
  { entries: [folder("a"), folder("a")], want: "folder a" },
  { entries: [file("a/b"), folder("a")], want: "folder a" },
  { entries: [file("..a")], want: "file ..a" },
  { entries: [file("a..")], want: "file a.." },
  { entries: [file("a\\..\\b")], want: "file a\\..\\b" },
  { entries: [link("a", "b")], want: "link a" },
  { entries: [link("a", "./b/c")], want: "link a" },
  { entries: [link("a/b", "../c")], want: "link a/b" },
  { entries: [link("a/b/c", "../../d")], want: "link a/b/c" },
  { entries: [link("a/b", "..")], want: "link a/b" },
  { entries: [link("a", ".")], want: "link a" },
  { entries: [file("a"), hardLink("b", "a")], want: "copy b" },
  { entries: [file("a"), hardLink("b", "a"), hardLink("c", "./b")], want: "copy c" },
])("EntryChecker allows $want, number $#", ({ entries, want }) => {
  const checker = new EntryChecker();
  const actions = entries.map((entry) => checker.check(entry));
  const last = actions.at(-1)!;
  assert.equal(`${last.kind} ${last.path}`, want);
});

Deno.test.each([
  { attack: "an absolute path", entries: [file("/etc/passwd")] },
  { attack: "a way up", entries: [file("../a")] },
  { attack: "a way up in the middle", entries: [file("a/../../b")] },
  { attack: "a way up that stays inside", entries: [file("a/../b")] },
  { attack: "a way up at the end", entries: [folder("a/..")] },
  { attack: "a NUL", entries: [file("a\0b")] },
  { attack: "an endless path", entries: [file("a/".repeat(3_000))] },
  { attack: "a file in place of the folder", entries: [file(".")] },
  { attack: "a link in place of the folder", entries: [link(".", "a")] },
  { attack: "an absolute link", entries: [link("a", "/etc")] },
  { attack: "a link that leads out", entries: [link("a", "..")] },
  { attack: "a link that leads out from below", entries: [link("a/b", "../../c")] },
  { attack: "a link that leads out late", entries: [link("a/b", "c/../../../d")] },
  { attack: "a link that climbs behind another", entries: [link("d", "."), link("x", "d/..")] },
  { attack: "an empty link", entries: [link("a", "")] },
  { attack: "a link with a NUL", entries: [link("a", "b\0")] },
  { attack: "a file through a link", entries: [link("a", "b"), file("a/c")] },
  { attack: "a file through a link above", entries: [link("a", "b"), file("a/c/d")] },
  { attack: "a folder over a link", entries: [link("a", "b"), folder("a")] },
  { attack: "a file over a link", entries: [link("a", "b"), file("a")] },
  { attack: "a link over a folder", entries: [folder("a"), link("a", "b")] },
  { attack: "a link over an implied folder", entries: [file("a/b"), link("a", "c")] },
  { attack: "a file below a file", entries: [file("a"), file("a/b")] },
  { attack: "a file twice", entries: [file("a"), file("./a")] },
  { attack: "a hard link to elsewhere", entries: [hardLink("a", "/etc/shadow")] },
  { attack: "a hard link up", entries: [hardLink("a", "../b")] },
  { attack: "a hard link to nothing", entries: [hardLink("a", "b")] },
  { attack: "a hard link to a later file", entries: [hardLink("a", "b"), file("b")] },
  { attack: "a hard link to a link", entries: [link("a", "b"), hardLink("c", "a")] },
  { attack: "a hard link to a folder", entries: [folder("a"), hardLink("b", "a")] },
  { attack: "a hard link through a link", entries: [link("a", "b"), hardLink("c", "a/d")] },
  { attack: "a hard link over a file", entries: [file("a"), file("b"), hardLink("b", "a")] },
  { attack: "a pipe", entries: [file("a", { type: "fifo" })] },
  { attack: "a device", entries: [file("a", { type: "block-device" })] },
  { attack: "a character device", entries: [file("a", { type: "character-device" })] },
  { attack: "an unknown type", entries: [file("a", { type: "" })] },
  { attack: "a negative size", entries: [file("a", { size: -1 })] },
  { attack: "no size", entries: [file("a", { size: NaN })] },
  { attack: "too much", entries: [file("a", { size: DOWNLOAD_BYTES_MAX }), file("b")] },
  {
    attack: "too much by copies",
    entries: [file("a", { size: DOWNLOAD_BYTES_MAX }), hardLink("b", "a")],
  },
])("EntryChecker refuses $attack", ({ entries }) => {
  const checker = new EntryChecker();
  assert.throws(() => {
    for (const entry of entries) checker.check(entry);
  }, TransferError);
});

Deno.test("EntryChecker gives nobody more rights than a file may have", () => {
  const action = new EntryChecker().check(file("a", { mode: 0o106777 }));
  assert.equal(action.kind === "file" && action.mode, 0o755);
  const unreadable = new EntryChecker().check(file("a", { mode: 0 }));
  assert.equal(unreadable.kind === "file" && unreadable.mode, 0o600);
});
