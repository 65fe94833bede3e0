import { createHash } from "node:crypto";
import type { PartitionId } from "../../contract/source.ts";
import type { FileKey } from "./file_key.ts";

/** Bytes at the beginning of a file, and before a mark, that tell it from another one. */
const PRINT_MAX = 1024;

/** How far a content was read, and what has to be known to read on. */
export interface ReadPoint {
  /** Bytes of the content that were read: of a compressed file, of what is in it. */
  readonly at: number;
  /** Whether the rest of the line there belongs to a line that was refused for its length. */
  readonly isInside: boolean;
  /** Of CSV: where the header of what follows is; 0 otherwise. Bytes, as {@link at}. */
  readonly headerAt: number;
}

/** After that many bytes of lines. */
export function pointAt(at: number): ReadPoint {
  return { at, isInside: false, headerAt: 0 };
}

/** How far a file was read, and what it is known by. */
export interface FileMark extends FileKey, ReadPoint {
  /** Bytes at the beginning of the file that {@link print} is of. */
  readonly first: number;
  readonly print: string;
  /**
   * The fingerprint of the bytes before {@link ReadPoint.at}; undefined: {@link print} is of all of them, the
   * file is compressed, or an earlier version has made the mark.
   */
  readonly lastPrint: string | undefined;
  readonly path: string;
}

/** A mark in the file of a partition. */
export interface KnownMark {
  readonly id: PartitionId;
  readonly mark: FileMark;
}

/**
 * As a position: `1234 2049:77 1024:ab12…+cd34… /var/log/x`, where `+` after the first number says that the
 * mark is inside of a line, and `@567` where the header is, unless that is at the beginning.
 */
export function positionOf(mark: FileMark): string {
  const { at, isInside, headerAt, device, inode, first, print, lastPrint, path } = mark;
  const last = lastPrint === undefined ? "" : `+${lastPrint}`;
  const header = headerAt === 0 ? "" : `@${headerAt}`;
  return `${at}${isInside ? "+" : ""}${header} ${device}:${inode} ${first}:${print}${last} ${path}`;
}

const POSITION =
  /^(\d{1,15})(\+?)(?:@(\d{1,15}))? (\d{1,20}):(\d{1,20}) (\d{1,4}):([0-9a-f]{16})(?:\+([0-9a-f]{16}))? (.+)$/s;

/** Undefined: it is none of this source's. */
export function markOf(position: string | undefined): FileMark | undefined {
  const parts = POSITION.exec(position ?? "");
  if (parts === null) return undefined;
  const [, at, inside, headerAt, device, inode, first, print, lastPrint, path] = parts;
  return {
    at: Number(at),
    isInside: inside === "+",
    headerAt: Number(headerAt ?? 0),
    device: Number(device),
    inode: Number(inode),
    first: Number(first),
    print: print!,
    lastPrint,
    path: path!,
  };
}

/** How many bytes at its beginning a file is known by that was read so far. */
export function firstOf(rawBytesRead: number): number {
  return Math.min(rawBytesRead, PRINT_MAX);
}

/** Where the bytes before a mark begin that {@link FileMark.lastPrint} is of; undefined: it has none. */
export function lastStart(at: number): number | undefined {
  return at > PRINT_MAX ? at - PRINT_MAX : undefined;
}

/** A fingerprint of some bytes of a file. */
export function printOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}
