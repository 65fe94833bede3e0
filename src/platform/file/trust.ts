import { dirname, join, resolve } from "node:path";
import { infoOf, isNotThere } from "./absence.ts";
import { ROOT_UID, thisUser, type User } from "./user.ts";

const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
/** Links that are followed at most, as many as Linux follows. */
const LINKS_MAX = 40;

/**
 * Judges a directory and its parents, as far as they exist. The owner of one of them, or of a link among
 * them, decides what is written where. Links that this user or root has made are accepted, such as systemd's
 * to /var/lib/private. So are parents that everybody may write, such as /tmp and the volumes of containers: a
 * file that another user puts there in place of ours belongs to that user, which is seen.
 *
 * @returns Why the directory cannot be trusted, as a sentence without its full stop; undefined: it can.
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
 * Judges a settings file that nobody has named, and its directory. Both must belong to this user or to root,
 * and nobody else but this user's own groups may write them.
 *
 * @returns Why the file must not be read, as a sentence without its full stop; undefined: it may be read, or
 * there is none.
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

/** Who else may write it, apart from this user's own groups; undefined: nobody. */
function strangersIn(directory: string, { gid, mode }: Deno.FileInfo, { groups }: User): string | undefined {
  if (((mode ?? 0) & OTHERS_WRITE) !== 0) return `everybody may write ${directory}`;
  const isOwnGroup = gid === null || gid === ROOT_UID || groups === undefined || groups.includes(gid);
  if (((mode ?? 0) & GROUP_WRITES) === 0 || isOwnGroup) return undefined;
  return `the group ${gid}, which is not this user's, may write ${directory}`;
}

/** Whether every user may read a file; false where there is none. */
export function isOpenToAll(path: string): boolean {
  try {
    return ((Deno.statSync(path).mode ?? 0) & OTHERS_READ) !== 0;
  } catch {
    return false;
  }
}

/** Whether the owner is neither this user nor root. */
export function isStranger(uid: number | null, user: User): boolean {
  return uid !== null && uid !== user.uid && uid !== ROOT_UID;
}

export function nameOf(uid: number | null): string {
  return uid === ROOT_UID ? "root" : `the user with uid ${uid}`;
}
