import { dirname } from "node:path";
import { keyOf } from "./file_key.ts";
import { type FileMark, pointAt } from "./file_mark.ts";
import { filesMatching, type FoundFile } from "./file_names.ts";
import { OpenFile } from "./open_file.ts";

/**
 * Files that were renamed to what no pattern matches before they were read to their ends, in the
 * directories where they were. Those are left out of which all was copied back to the name.
 */
export async function leftBehind(
  marks: readonly FileMark[],
  found: readonly FoundFile[],
): Promise<FoundFile[]> {
  const there = new Set(found.map(keyOf));
  const byPath = new Map(found.map((file) => [file.path, file]));
  const missing = new Map(
    marks.filter((mark) => !there.has(keyOf(mark))).map((mark) => [keyOf(mark), mark]),
  );
  const left: FoundFile[] = [];
  for (const directory of new Set([...missing.values()].map(({ path }) => dirname(path)))) {
    for (const file of await filesMatching(`${directory}/*`).catch(() => [])) {
      const mark = missing.get(keyOf(file));
      if (mark !== undefined && await isUnread(file, mark, byPath.get(mark.path))) left.push(file);
    }
  }
  return left;
}

/** @param namesake The file that has its name now. */
async function isUnread(file: FoundFile, mark: FileMark, namesake: FoundFile | undefined): Promise<boolean> {
  const opened = await OpenFile.open(file.path, file).catch(() => undefined);
  const copy = namesake && await OpenFile.open(namesake.path, namesake).catch(() => undefined);
  try {
    if (opened === undefined || opened.isCompressed || !await opened.holds(mark)) return false;
    const size = await opened.size();
    if (size <= mark.at) return false;
    const isCopied = copy !== undefined && await copy.holds(await opened.markAt(pointAt(size), file.path));
    return !isCopied;
  } finally {
    opened?.close();
    copy?.close();
  }
}
