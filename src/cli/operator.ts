import { thisUser, thisUserName } from "../platform/file/user.ts";
import { printable } from "../platform/log/printable.ts";
import { takeEnvironment } from "./environment.ts";

const NAME_MAX_CHARACTERS = 64;

/** The operator of this command, for the audit: the user, and the user who called sudo. */
export function operator(): string {
  const name = thisUserName();
  const uid = thisUser()?.uid;
  const user = uid === undefined || name === `uid ${uid}` ? name : `${name} (uid ${uid})`;
  const before = takeEnvironment().SUDO_USER;
  return before ? `${user}, by sudo from ${printable(before.slice(0, NAME_MAX_CHARACTERS))}` : user;
}
