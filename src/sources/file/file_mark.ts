import { createHash } from "node:crypto";

/** Bytes at the beginning of a file that tell it from another one. */
const FIRST_MAX = 1024;

/** How far a file was read, and what it is known by. */
export interface FileMark {
  /** Bytes of the content that were read: of a compressed file, of what is in it. */
  readonly at: number;
  /** Whether the rest of the line there belongs to a line that was refused for its length. */
  readonly isInside: boolean;
  readonly device: number;
  readonly inode: number;
  /** Bytes at the beginning of the file that {@link print} is of. */
  readonly first: number;
  readonly print: string;
  readonly path: string;
}

/**
 * As a position: `1234 2049:77 1024:ab12… /var/log/x`, where `+` after the first number says that the mark
 * is inside of a line.
 */
export function positionOf({ at, isInside, device, inode, first, print, path }: FileMark): string {
  return `${at}${isInside ? "+" : ""} ${device}:${inode} ${first}:${print} ${path}`;
}

/** Undefined: it is none of this source's. */
export function markOf(position: string | undefined): FileMark | undefined {
  const parts = /^(\d{1,15})(\+?) (\d{1,20}):(\d{1,20}) (\d{1,4}):([0-9a-f]{16}) (.+)$/s.exec(position ?? "");
  if (parts === null) return undefined;
  const [, at, inside, device, inode, first, print, path] = parts;
  return {
    at: Number(at),
    isInside: inside === "+",
    device: Number(device),
    inode: Number(inode),
    first: Number(first),
    print: print!,
    path: path!,
  };
}

/** How many bytes at its beginning a file is known by that was read so far. */
export function firstOf(rawBytesRead: number): number {
  return Math.min(rawBytesRead, FIRST_MAX);
}

/** The fingerprint of the beginning of a file. */
export function printOf(beginning: Uint8Array): string {
  return createHash("sha256").update(beginning).digest("hex").slice(0, 16);
}
