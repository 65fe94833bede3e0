import { basename, dirname } from "node:path";
import {
  type Partition,
  type PartitionId,
  type Source,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import { filesMatching, type FoundFile, isPattern } from "./file_names.ts";
import { FilePartition, type Reading } from "./file_partition.ts";
import { OpenFile, sourceError } from "./open_file.ts";
import { OpenFiles } from "./open_files.ts";
import { type FileMark, markOf } from "./file_mark.ts";

/** Files that are read, at most: as many positions are remembered of files that have gone. */
const FILES_MAX = 10_000;
/** Files that are followed, at most: each stays open, since its name may go. */
const FOLLOWED_MAX = 500;
/** Files that are open, of those that are not followed. */
const OPEN_MAX = 256;
/** Between two looks for files that have come or gone. */
const LOOK_MS = 1000;
/** Whoever has a file open may write to it for a while after it was renamed. */
const LINGER_MS = 60_000;

/** Files as a source: each is a partition, known by its device and inode, whatever its name. */
export class FileSource implements Source {
  /** By {@link keyOf}. */
  private partitions = new Map<string, FilePartition>();
  /** The ids of {@link partitions}. */
  private readonly taken = new Set<PartitionId>();
  /** Under which ids files were read that may come back, by {@link keyOf}. */
  private readonly ids = new Map<string, PartitionId>();
  private readonly openFiles = new OpenFiles(OPEN_MAX);
  private context: SourceContext | undefined;
  private stop = new AbortController();

  /** @param pattern An absolute path, in which the last parts may have `*` and `[…]`. */
  constructor(readonly id: string, private readonly pattern: string, private readonly reading: Reading) {}

  async open(context: SourceContext): Promise<readonly Partition[]> {
    this.release();
    this.context = context;
    this.stop = new AbortController();
    const resume = [...context.resume].flatMap(([id, position]) => {
      const mark = markOf(position);
      return mark === undefined ? [] : [{ id, mark }];
    });
    for (const { id, mark } of resume) this.ids.set(keyOf(mark), id);
    const found = await this.found();
    if (this.reading.isFollowed) found.push(...await leftBehind(resume.map(({ mark }) => mark), found));
    await this.recognize(found, resume);
    for (const file of found) await this.add(file);
    if (this.reading.isFollowed) void this.follow(context, this.stop.signal);
    return [...this.partitions.values()];
  }

  async probe(): Promise<string> {
    const found = await this.found();
    let bytes = 0;
    for (const { path } of found) {
      const file = await OpenFile.open(path);
      try {
        bytes += await file.size();
      } finally {
        file.close();
      }
    }
    return `${found.length} ${found.length === 1 ? "file" : "files"}, ${bytes} bytes`;
  }

  close(): Promise<void> {
    this.release();
    return Promise.resolve();
  }

  private release(): void {
    this.stop.abort();
    for (const partition of this.partitions.values()) partition.close();
    this.partitions.clear();
    this.taken.clear();
    this.openFiles.clear();
  }

  /** @throws {SourceError} */
  private async found(): Promise<FoundFile[]> {
    const { pattern, reading: { isFollowed } } = this;
    let found: FoundFile[];
    try {
      found = await filesMatching(pattern);
    } catch (error) {
      throw sourceError(dirname(pattern), error);
    }
    // What is named alone is looked at for why it cannot be read.
    if (found.length === 0 && !isPattern(pattern) && !isFollowed) (await OpenFile.open(pattern)).close();
    if (found.length === 0 && !isFollowed) throw new SourceError("unavailable", `${pattern} matches no file`);
    const max = isFollowed ? FOLLOWED_MAX : FILES_MAX;
    if (found.length > max) {
      throw new SourceError(
        "refused",
        `${pattern} matches ${found.length} files, of which ${max} can be ${
          isFollowed ? "followed" : "read"
        } at once: name fewer, such as those of a month`,
      );
    }
    return found;
  }

  /**
   * A file that was copied back to its name, or is on a device of another number after a restart of the
   * machine, goes on where it was left.
   */
  private async recognize(
    found: readonly FoundFile[],
    resume: readonly { readonly id: PartitionId; readonly mark: FileMark }[],
  ): Promise<void> {
    const { ids } = this;
    const there = new Set(found.map(keyOf));
    const strangers = new Map(
      found.filter((file) => !ids.has(keyOf(file))).map((file) => [file.path, file] as const),
    );
    for (const { id, mark } of resume) {
      const file = strangers.get(mark.path);
      if (file === undefined || mark.first === 0 || there.has(keyOf(mark))) continue;
      const opened = await OpenFile.open(file.path).catch(() => undefined);
      const isSame = await opened?.holds(mark).catch(() => false) ?? false;
      opened?.close();
      if (!isSame) continue;
      ids.set(keyOf(file), id);
      strangers.delete(mark.path);
    }
  }

  private async add(file: FoundFile): Promise<void> {
    const key = keyOf(file);
    const id = this.ids.get(key) ?? `${basename(file.path)}@${key}`;
    this.ids.set(key, id);
    if (this.partitions.has(key) || this.taken.has(id)) return;
    const openFiles = this.reading.isFollowed ? undefined : this.openFiles;
    const partition = new FilePartition(id, file, this.reading, this.context!, openFiles);
    if (this.reading.isFollowed) await partition.prepare();
    this.partitions.set(key, partition);
    this.taken.add(id);
  }

  /** Looks for files that have come or gone, as long as the source is open. */
  private async follow(context: SourceContext, signal: AbortSignal): Promise<void> {
    let failure: string | undefined;
    for (;;) {
      await context.clock.sleep(LOOK_MS, signal);
      if (signal.aborted) return;
      try {
        const found = await this.found();
        if (signal.aborted) return;
        await this.takeOver(found);
        failure = undefined;
      } catch (error) {
        const { message } = sourceError(this.pattern, error);
        if (message !== failure) context.logger.warn(message, { bus: this.id });
        failure = message;
      }
    }
  }

  private async takeOver(found: readonly FoundFile[]): Promise<void> {
    const { partitions } = this;
    const before = partitions.size;
    const there = new Map(found.map((file) => [keyOf(file), file]));
    let hasChanged = false;
    for (const [key, partition] of partitions) {
      const file = there.get(key);
      if (file !== undefined) partition.path = file.path;
      const { isOpen } = partition;
      if (file !== undefined || (isOpen && !await partition.isQuietFor(LINGER_MS))) continue;
      if (isOpen && !partition.isComplete) {
        // Now what has no line break at its end is read.
        partition.complete();
        continue;
      }
      partition.close();
      partitions.delete(key);
      this.taken.delete(partition.id);
      hasChanged = true;
    }
    for (const file of found) await this.add(file);
    if (this.stop.signal.aborted) return this.release();
    if (hasChanged || partitions.size !== before) this.context!.changed([...partitions.values()]);
  }
}

/** Device and inode. */
function keyOf({ device, inode }: Pick<FoundFile, "device" | "inode">): string {
  return `${device}:${inode}`;
}

/**
 * Files that were renamed to what no pattern matches before they were read to their ends, in the
 * directories where they were.
 */
async function leftBehind(marks: readonly FileMark[], found: readonly FoundFile[]): Promise<FoundFile[]> {
  const there = new Set(found.map(keyOf));
  const missing = new Map(
    marks.filter((mark) => !there.has(keyOf(mark))).map((mark) => [keyOf(mark), mark]),
  );
  const left: FoundFile[] = [];
  for (const directory of new Set([...missing.values()].map(({ path }) => dirname(path)))) {
    for (const file of await filesMatching(`${directory}/*`).catch(() => [])) {
      const mark = missing.get(keyOf(file));
      if (mark === undefined) continue;
      const opened = await OpenFile.open(file.path).catch(() => undefined);
      const isUnread = opened !== undefined && !opened.isCompressed && await opened.size() > mark.at;
      if (isUnread && await opened.holds(mark)) left.push(file);
      opened?.close();
    }
  }
  return left;
}
