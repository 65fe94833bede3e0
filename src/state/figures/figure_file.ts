import { crc32 } from "node:zlib";
import { infoOf } from "../../platform/file/absence.ts";
import { openOwn, readOwn, UnfitFile } from "../../platform/file/regular_file.ts";
import { sync } from "../file/durable_file.ts";
import { FIGURES, type Figures } from "./figures.ts";

export const FIGURE_FILE_NAME = "figures.ndjson";
/** A file that is larger is none of ours: the longest history there can be is a little shorter. */
export const FIGURE_FILE_MAX_BYTES = 32 << 20;

/** What a file of figures held. */
export interface FiguresRead {
  readonly figures: readonly Figures[];
  /** What else was in it, as a part of a sentence; undefined: nothing. */
  readonly damage: string | undefined;
  /** Whether a line at its end is cut off. */
  readonly isCut: boolean;
}

/**
 * A file of figures: a line each, with a checksum before it. A line that is cut off at the end is what a
 * crash leaves. Nothing is synced but a whole rewriting: the last seconds of a chart are not worth a wait for
 * the disk.
 */
export class FigureFile {
  readonly path: string;

  constructor(directory: string) {
    this.path = `${directory}/${FIGURE_FILE_NAME}`;
  }

  /** @throws {UnfitFile} or the file system's error. */
  read(): FiguresRead {
    const info = infoOf(this.path);
    if (info === undefined) return { figures: [], damage: undefined, isCut: false };
    if (info.size > FIGURE_FILE_MAX_BYTES) {
      return { figures: [], damage: `it has more than ${FIGURE_FILE_MAX_BYTES} bytes`, isCut: false };
    }
    const lines = new TextDecoder().decode(readOwn(this.path)).split("\n");
    const isCut = lines.pop() !== "";
    const figures = lines.map(parsed);
    const first = figures.indexOf(undefined);
    return {
      figures: figures.filter((found) => found !== undefined),
      damage: first < 0 ? undefined : `line ${first + 1} holds no figures`,
      isCut,
    };
  }

  /** @throws {UnfitFile} or the file system's error. */
  append(figures: Figures): void {
    using file = openOwn(this.path);
    file.seekSync(0, Deno.SeekMode.End);
    writeAll(file, lineOf(figures));
  }

  /** Replaces the content in one step. @throws {UnfitFile} or the file system's error. */
  rewrite(figures: readonly Figures[]): void {
    const draft = `${this.path}.new`;
    {
      using file = openOwn(draft);
      file.truncateSync();
      writeAll(file, figures.map(lineOf).join(""));
      file.syncSync();
    }
    Deno.renameSync(draft, this.path);
    sync(this.path.slice(0, -FIGURE_FILE_NAME.length));
  }

  /** Gives the file another name, in place of the one that was set aside before. Returns the name. */
  setAside(): string {
    const aside = `${this.path}.set-aside`;
    if (infoOf(aside)?.isDirectory) throw new UnfitFile(aside, "a directory");
    Deno.renameSync(this.path, aside);
    return aside;
  }
}

function lineOf(figures: Figures): string {
  const text = JSON.stringify(figures);
  return `${checksumOf(text)} ${text}\n`;
}

function parsed(line: string): Figures | undefined {
  const text = line.slice(9);
  if (line[8] !== " " || line.slice(0, 8) !== checksumOf(text)) return undefined;
  try {
    return FIGURES.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

function writeAll(file: Deno.FsFile, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}
