import type { PartitionId } from "../../contract/source.ts";
import { type FileKey, keyOf } from "./file_key.ts";
import type { FileMark, KnownMark } from "./file_mark.ts";
import type { FoundFile } from "./file_names.ts";
import { OpenFile } from "./open_file.ts";

/**
 * The files that were read, as far as it is known: those that are there and those that have gone, which may
 * come back.
 */
export class KnownFiles {
  /** By partition. Those that were noted last are at the end. */
  private readonly marks = new Map<PartitionId, FileMark>();
  /** By {@link keyOf}. */
  private readonly ids = new Map<string, PartitionId>();

  /** @param max Files that are remembered. Those that were noted longest ago are forgotten first. */
  constructor(private readonly max: number) {}

  /** Notes how far the file of a partition was read. */
  note({ id, mark }: KnownMark): void {
    this.bind(mark, id);
    this.marks.delete(id);
    this.marks.set(id, mark);
    for (const [oldest, left] of this.marks) {
      if (this.marks.size <= this.max) break;
      this.marks.delete(oldest);
      if (this.idOf(left) === oldest) this.unbind(left);
    }
  }

  /** Notes which partition a file is. */
  bind(file: FileKey, id: PartitionId): void {
    this.ids.set(keyOf(file), id);
  }

  /** Notes that a file is not the one of its partition any more. */
  unbind(file: FileKey): void {
    this.ids.delete(keyOf(file));
  }

  has(id: PartitionId): boolean {
    return this.marks.has(id);
  }

  idOf(file: FileKey): PartitionId | undefined {
    return this.ids.get(keyOf(file));
  }

  /**
   * The partition that each of some new files goes on with, by {@link keyOf}, because it has what was read of
   * a file of its name that is not there any more. Numbers of devices change when a machine starts, and files
   * are copied back and replaced by longer ones.
   *
   * @param there All files that there are, by {@link keyOf}.
   * @param ends Of files that are still read, although no name leads to them: where they end.
   */
  async predecessors(
    strangers: readonly FoundFile[],
    there: ReadonlyMap<string, FoundFile>,
    ends: ReadonlyMap<PartitionId, FileMark>,
  ): Promise<Map<string, PartitionId>> {
    const predecessors = new Map<string, PartitionId>();
    if (strangers.length === 0) return predecessors;
    const byPath = new Map<string, KnownMark[]>(strangers.map(({ path }) => [path, []]));
    for (const [id, mark] of new Map([...this.marks, ...ends])) {
      if (mark.first > 0) byPath.get(mark.path)?.push({ id, mark });
    }
    for (const file of strangers) {
      const key = keyOf(file);
      const others = byPath.get(file.path)!.filter(({ mark }) => keyOf(mark) !== key);
      const found = others.length === 0 ? undefined : await this.predecessorOf(file, others, there);
      if (found !== undefined) predecessors.set(key, found);
    }
    return predecessors;
  }

  /** Of several files whose lines it has, the one that was read furthest. */
  private async predecessorOf(
    file: FoundFile,
    namesakes: readonly KnownMark[],
    there: ReadonlyMap<string, FoundFile>,
  ): Promise<PartitionId | undefined> {
    const ownId = this.idOf(file);
    const own = ownId === undefined ? undefined : this.marks.get(ownId);
    // A file that has gone leaves its number to a new one.
    if (own !== undefined && await holds(file, own)) return undefined;
    for (const { id, mark } of namesakes.toSorted((one, other) => other.mark.at - one.mark.at)) {
      if (!await holds(file, mark)) continue;
      const other = there.get(keyOf(mark));
      if (other === undefined || !await holds(other, mark)) return id;
    }
    return undefined;
  }
}

/** Whether a file has what was read. One that cannot be read does not: why, reading it says. */
async function holds(file: FoundFile, mark: FileMark): Promise<boolean> {
  const opened = await OpenFile.open(file.path, file).catch(() => undefined);
  try {
    return await opened?.holds(mark) ?? false;
  } catch {
    return false;
  } finally {
    opened?.close();
  }
}
