import { userInfo } from "node:os";

/** Whom this process acts for. */
export interface User {
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
}

export const ROOT_UID = 0;

/** Undefined on systems that have no such numbers. */
export function thisUser(): User | undefined {
  const [uid, gid] = [Deno.uid(), Deno.gid()];
  return uid === null || gid === null ? undefined : { uid, gid };
}

/** The name of this user; where the system has none, as in many containers, its number. */
export function thisUserName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${Deno.uid() ?? "unknown"}`;
  }
}
