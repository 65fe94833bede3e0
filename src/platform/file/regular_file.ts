import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  readSync,
  type Stats,
} from "node:fs";
import { dirname } from "node:path";
import { infoOf } from "./absence.ts";
import { ROOT_UID, thisUser } from "./user.ts";

/** Files that the program makes are for its own user alone. */
export const PRIVATE_MODE = 0o600;
/** Flags for opening: links are not followed, and opening a pipe does not wait for its other end. */
const OPEN_ITSELF = constants.O_NOFOLLOW | constants.O_NONBLOCK;
const NULL_DEVICE = 0x103;

/**
 * A name does not lead to a file that can be used: it is a link, a pipe, a device or a directory, or the file
 * is too large.
 */
export class UnfitFile extends Error {
  override readonly name = "UnfitFile";

  constructor(readonly path: string, readonly what: string) {
    super(`${path} is ${what}`);
  }
}

/**
 * Opens a file of our own for reading and writing. Creates it where there is none, for this user alone. Links
 * are not followed: whoever made a link there would choose what is written to. A file that root creates in
 * the directory of a service gets the owner of the directory, who could not open root's files.
 *
 * @throws {UnfitFile} or the file system's error.
 */
export function openOwn(path: string): Deno.FsFile {
  const { O_RDWR, O_CREAT, O_EXCL } = constants;
  let descriptor: number;
  try {
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL);
    giveToOwnerOf(dirname(path), descriptor);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    descriptor = open(path, O_RDWR);
  }
  try {
    const checked = assertRegular(path, descriptor);
    if (checked.nlink > 1) throw new UnfitFile(path, SECOND_NAME);
    const file = Deno.openSync(path, { read: true, write: true });
    const { dev, ino } = file.statSync();
    if (dev === checked.dev && ino === checked.ino) return file;
    file.close();
    throw new UnfitFile(path, "another file than a moment ago");
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Creates an empty file. SQLite and copying fill it and keep its mode. @throws {Deno.errors.AlreadyExists}
 */
export function createOwn(path: string, mode = PRIVATE_MODE): void {
  const descriptor = open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
  try {
    // Sets the mode again, since the umask may have taken bits away.
    if (mode !== PRIVATE_MODE) fchmodSync(descriptor, mode);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The content of a file of our own; links are not followed. @throws {UnfitFile} or the file system's error.
 */
export function readOwn(path: string): Uint8Array {
  const descriptor = open(path, constants.O_RDONLY);
  try {
    return readAll(descriptor, assertRegular(path, descriptor).size);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The content of a file that an operator has named. Links are followed, and the null device is an empty file.
 * Only regular files are read: a pipe might never end.
 *
 * @throws {UnfitFile} or the file system's error.
 */
export function readNamed(path: string, maxBytes: number): Uint8Array {
  const descriptor = translated(() => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const info = fstatSync(descriptor);
    if (info.isCharacterDevice() && info.rdev === NULL_DEVICE) return new Uint8Array();
    assertRegular(path, descriptor);
    const bytes = readAll(descriptor, maxBytes + 1);
    if (bytes.length > maxBytes) throw new UnfitFile(path, `larger than ${maxBytes} bytes`);
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Checks that each of the names, where it exists, leads to a regular file that has no second name. @throws
 * {UnfitFile}
 */
export function assertOwn(paths: Iterable<string>): void {
  for (const path of paths) {
    const info = infoOf(path);
    if (info?.isSymlink) throw new UnfitFile(path, LINK);
    if (info?.isFile === false) throw new UnfitFile(path, NO_FILE);
    if ((info?.nlink ?? 1) > 1) throw new UnfitFile(path, SECOND_NAME);
  }
}

const LINK = "a symbolic link";
const NO_FILE = "no regular file";
/**
 * A file with a second name is as dangerous as a link: what is written here is written there too. A copy made
 * of hard links is no backup either.
 */
const SECOND_NAME = "a file that has another name elsewhere (a hard link)";

function open(path: string, flags: number): number {
  try {
    return translated(() => openSync(path, flags | OPEN_ITSELF, PRIVATE_MODE));
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ELOOP") throw new UnfitFile(path, LINK);
    // A pipe that nobody reads, a socket.
    if (code === "ENXIO") throw new UnfitFile(path, NO_FILE);
    throw error;
  }
}

function assertRegular(path: string, descriptor: number): Stats {
  const info = fstatSync(descriptor);
  if (!info.isFile()) throw new UnfitFile(path, NO_FILE);
  return info;
}

function giveToOwnerOf(directory: string, descriptor: number): void {
  if (thisUser()?.uid !== ROOT_UID) return;
  const { uid, gid } = Deno.statSync(directory);
  if (uid !== null && uid !== ROOT_UID) fchownSync(descriptor, uid, gid!);
}

function readAll(descriptor: number, maxBytes: number): Uint8Array {
  const bytes = new Uint8Array(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const count = translated(() => readSync(descriptor, bytes, length, maxBytes - length, null));
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

const CLASSES: Readonly<Record<string, new (message: string, options: ErrorOptions) => Error>> = {
  ENOENT: Deno.errors.NotFound,
  ENOTDIR: Deno.errors.NotADirectory,
  EISDIR: Deno.errors.IsADirectory,
  EEXIST: Deno.errors.AlreadyExists,
  EACCES: Deno.errors.PermissionDenied,
  EPERM: Deno.errors.PermissionDenied,
};

/** Node's functions throw errors of their own. The rest of the program knows Deno's. */
function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code = "", message } = error as { code?: string; message: string };
    const reason = message.replace(/^[A-Z]+: ([^,]*).*$/s, "$1");
    const known = CLASSES[code];
    throw known === undefined
      ? error
      : new known(reason.charAt(0).toUpperCase() + reason.slice(1), { cause: error });
  }
}
