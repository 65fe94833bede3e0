import { dirname, join, resolve } from "node:path";
import { infoOf, isNotThere } from "./absence.ts";
import { ROOT_UID, thisUser, type User } from "./user.ts";

const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
/** As many links as Linux follows. */
const LINKS_MAX = 40;

/**
 * Judges a directory and the way to it, as far as they are there: whoever owns one of them or a link decides what is written where.
 * Links that this user or root has made pass, as systemd's to /var/lib/private do. On the way directories that all may write pass as
 * well, as /tmp and the volumes of containers: whatever another user puts there in the place of ours belongs to that user.
 *
 * @returns Why it is not to be relied on, as a sentence without its full stop; undefined: it is.
 */
export function distrustOfWay(path: string, user: User | undefined = thisUser()): string | undefined {
  if (user === undefined) return undefined;
  let rest = resolve(path).split("/").filter((name) => name !== "");
  let directory = "/";
  for (let links = 0; rest.length > 0 && links <= LINKS_MAX;) {
    const [name, ...behind] = rest;
    const entry = join(directory, name!);
    const info = infoOf(entry);
    if (info === undefined) return undefined;
    if (isStranger(info.uid, user)) return `${entry} belongs to ${nameOf(info.uid)}`;
    if (info.isSymlink) {
      links++;
      const target = resolve(directory, Deno.readLinkSync(entry));
      rest = [...target.split("/").filter((part) => part !== ""), ...behind];
      directory = "/";
      continue;
    }
    if (behind.length === 0) return strangersIn(entry, info, user);
    directory = entry;
    rest = behind;
  }
  return undefined;
}

/**
 * Judges a file of settings that nobody has named, and its directory: both must belong to this user or root, and nobody else
 * but this user's own group may write them.
 *
 * @returns Why it is not to be read, as a sentence without its full stop; undefined: it may be, or there is none.
 */
export function distrustOfFile(path: string, user: User | undefined = thisUser()): string | undefined {
  const link = infoOf(path);
  if (user === undefined || link === undefined) return undefined;
  if (isStranger(link.uid, user)) return `${path} belongs to ${nameOf(link.uid)}`;
  const directories = [dirname(path)];
  try {
    const real = Deno.realPathSync(path);
    directories.push(real, dirname(real));
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
  for (const directory of new Set(directories)) {
    const info = Deno.statSync(directory);
    if (isStranger(info.uid, user)) return `${directory} belongs to ${nameOf(info.uid)}`;
    const strangers = strangersIn(directory, info, user);
    if (strangers !== undefined) return strangers;
  }
  return undefined;
}

/** Who else may write there, beside this user's own groups; undefined: nobody. */
function strangersIn(directory: string, { gid, mode }: Deno.FileInfo, { groups }: User): string | undefined {
  if (((mode ?? 0) & OTHERS_WRITE) !== 0) return `everybody may write ${directory}`;
  const isOwnGroup = gid === null || gid === ROOT_UID || groups === undefined || groups.includes(gid);
  if (((mode ?? 0) & GROUP_WRITES) === 0 || isOwnGroup) return undefined;
  return `the group ${gid}, which is not this user's, may write ${directory}`;
}

/** Whether every user may read a file; no, where there is none. */
export function isOpenToAll(path: string): boolean {
  try {
    return ((Deno.statSync(path).mode ?? 0) & OTHERS_READ) !== 0;
  } catch {
    return false;
  }
}

/** Whether it is neither this user's nor root's. */
export function isStranger(uid: number | null, user: User): boolean {
  return uid !== null && uid !== user.uid && uid !== ROOT_UID;
}

export function nameOf(uid: number | null): string {
  return uid === ROOT_UID ? "root" : `the user with uid ${uid}`;
}
