import { basename, dirname } from "node:path";
import {
  type Partition,
  type PartitionId,
  type Source,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import { keyOf } from "./file_key.ts";
import { type FileMark, markOf } from "./file_mark.ts";
import { filesMatching, type FoundFile, isPattern } from "./file_names.ts";
import { FilePartition, LINGER_MS } from "./file_partition.ts";
import { KnownFiles } from "./known_files.ts";
import { leftBehind } from "./left_behind.ts";
import { OpenFile, sourceError } from "./open_file.ts";
import { OpenFiles } from "./open_files.ts";
import type { Reading } from "./reading.ts";

/** Files that are read, at most. */
const FILES_MAX = 10_000;
/** As many are remembered of those that have gone. */
const KNOWN_MAX = 2 * FILES_MAX;
/** Files that are followed, at most: each stays open, since its name may go. */
const FOLLOWED_MAX = 500;
/** Files that are open, of those that are not followed. */
const OPEN_MAX = 256;
/** Between two looks for files that have come or gone. */
const LOOK_MS = 1000;

/** Files as a source: each is a partition, known by its device and inode, whatever its name. */
export class FileSource implements Source {
  /** By {@link keyOf}. */
  private partitions = new Map<string, FilePartition>();
  /** The ids of {@link partitions}. */
  private readonly taken = new Set<PartitionId>();
  private readonly known = new KnownFiles(KNOWN_MAX);
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
    for (const one of resume) this.known.note(one);
    const found = await this.found();
    if (this.reading.isFollowed) found.push(...await leftBehind(resume.map(({ mark }) => mark), found));
    const there = new Map(found.map((file) => [keyOf(file), file]));
    await this.addAll([...there.values()], await this.known.predecessors(found, there, new Map()));
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

  async contents(): Promise<ReadonlyMap<string, string>> {
    return new Map((await this.found()).map((file) => [`file ${keyOf(file)}`, file.path]));
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

  /** @param predecessors The partitions that some of them go on with. */
  private async addAll(
    files: readonly FoundFile[],
    predecessors: ReadonlyMap<string, PartitionId>,
  ): Promise<void> {
    for (const file of files) {
      const predecessor = predecessors.get(keyOf(file));
      if (predecessor !== undefined) await this.add(file, predecessor);
    }
    for (const file of files) if (!this.partitions.has(keyOf(file))) await this.add(file, this.idFor(file));
  }

  private async add(file: FoundFile, id: PartitionId): Promise<void> {
    const { isFollowed } = this.reading;
    const openFiles = isFollowed ? undefined : this.openFiles;
    const partition = new FilePartition(id, file, this.reading, this.context!, openFiles);
    if (isFollowed) await partition.prepare();
    this.known.bind(file, id);
    this.partitions.set(keyOf(file), partition);
    this.taken.add(id);
  }

  /** The id of a file that no present partition reads. */
  private idFor(file: FoundFile): PartitionId {
    const { known, taken } = this;
    const own = known.idOf(file);
    if (own !== undefined && !taken.has(own)) return own;
    const id = `${basename(file.path)}@${keyOf(file)}`;
    const isFree = (text: PartitionId) => !taken.has(text) && !known.has(text);
    if (isFree(id)) return id;
    // The partition of that number has gone on in another file.
    for (let number = 2;; number++) if (isFree(`${id}.${number}`)) return `${id}.${number}`;
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
    const { known, partitions, taken } = this;
    const before = partitions.size;
    for (const { id, mark } of partitions.values()) if (mark !== undefined) known.note({ id, mark });
    const there = new Map<string, FoundFile>();
    for (const file of found) {
      const key = keyOf(file);
      // Of several names, a file keeps the one that it had.
      if (!there.has(key) || partitions.get(key)?.path === file.path) there.set(key, file);
    }
    const strangers = [...there].filter(([key]) => !partitions.has(key)).map(([, file]) => file);
    const predecessors = await known.predecessors(strangers, there, await this.endsOf(strangers, there));
    const successors = new Map(
      strangers.map((file) => [predecessors.get(keyOf(file)), file] as const).filter(([id]) =>
        taken.has(id!)
      ),
    );
    let hasChanged = false;
    for (const [key, partition] of [...partitions]) {
      const successor = successors.get(partition.id);
      if (successor !== undefined) await this.replace(key, partition, successor);
      else if (await this.hasGone(partition, there.get(key))) {
        this.remove(key, partition);
        hasChanged = true;
      }
    }
    const waiting = new Set(successors.values());
    await this.addAll(strangers.filter((file) => !waiting.has(file)), predecessors);
    if (this.stop.signal.aborted) return this.release();
    if (hasChanged || partitions.size !== before) this.context!.changed([...partitions.values()]);
  }

  /** Where the files end whose names others have now. */
  private async endsOf(
    strangers: readonly FoundFile[],
    there: ReadonlyMap<string, FoundFile>,
  ): Promise<Map<PartitionId, FileMark>> {
    const paths = new Set(strangers.map(({ path }) => path));
    const ends = new Map<PartitionId, FileMark>();
    for (const [key, partition] of this.partitions) {
      if (there.has(key) || !paths.has(partition.path)) continue;
      const end = await partition.end();
      if (end !== undefined) ends.set(partition.id, end);
    }
    return ends;
  }

  /** @param file Where a name leads to it; undefined: none does that matches. */
  private async hasGone(partition: FilePartition, file: FoundFile | undefined): Promise<boolean> {
    if (file !== undefined) {
      partition.isAt(file.path);
      return false;
    }
    const { isChanging, isComplete, isOpen } = partition;
    if (isChanging || (isOpen && !await partition.isQuietFor(LINGER_MS))) return false;
    if (!isOpen || isComplete) return true;
    // Now what has no line break at its end is read.
    partition.complete();
    return false;
  }

  private remove(key: string, partition: FilePartition): void {
    partition.close();
    this.partitions.delete(key);
    this.taken.delete(partition.id);
    if (partition.mark === undefined) this.known.unbind(partition.fileKey);
  }

  /** Lets a partition go on in a file that has its lines. */
  private async replace(key: string, partition: FilePartition, file: FoundFile): Promise<void> {
    const opened = await OpenFile.open(file.path, file).catch(() => undefined);
    if (opened === undefined) return;
    this.known.unbind(partition.fileKey);
    partition.goOnIn(file, opened);
    this.partitions.delete(key);
    this.partitions.set(keyOf(file), partition);
    this.known.bind(file, partition.id);
  }
}
