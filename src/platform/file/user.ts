import { userInfo } from "node:os";
import process from "node:process";

/** The user that this process acts for. */
export interface User {
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
  /** All groups, including the primary one; undefined: not known, since it is another user. */
  readonly groups: readonly number[] | undefined;
}

export const ROOT_UID = 0;

/** Undefined on systems that have no such numbers. */
export function thisUser(): User | undefined {
  const [uid, gid] = [Deno.uid(), Deno.gid()];
  if (uid === null || gid === null) return undefined;
  return { uid, gid, groups: [gid, ...process.getgroups?.() ?? []] };
}

/** The name of this user; where the system has none, as in many containers, its number. */
export function thisUserName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${Deno.uid() ?? "unknown"}`;
  }
}
