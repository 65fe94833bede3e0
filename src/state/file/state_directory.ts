import { infoBehind } from "../../platform/file/absence.ts";
import { assertOwn, UnfitFile } from "../../platform/file/regular_file.ts";
import { distrustOfWay } from "../../platform/file/trust.ts";
import { ROOT_UID, thisUser, thisUserName, type User } from "../../platform/file/user.ts";
import { directoryObstacle } from "../../platform/file/write_obstacle.ts";
import { StateError, stateNotWritable } from "./state_error.ts";

/** The state in its directory. */
export const STATE_FILE_NAME = "state.sqlite";
/** What the program opens in the directory: the state in all of its forms, the sink and a demo's bus beside it, the lock and the mark. */
const OWN_NAMES = /^(?:(?:state|aggregates|bus)\.sqlite.*|lock|commits)$/;

/**
 * Makes sure that nobody else decides what is read and written in a state directory.
 *
 * @param isOfService Whether it may belong to another user: an operator, root most often, looks into the state of a service.
 * @throws {StateError} `untrusted`
 */
export function assertTrusted(directory: string, isOfService: boolean): void {
  try {
    assertOwnersAndNames(directory, isOfService);
  } catch (error) {
    throw obstruction(directory, error) ?? toUntrusted(error, directory);
  }
}

/** Makes sure that this user may read a state file that is there. @throws {StateError} `unwritable`, with whose it is. */
export function assertAllowed(path: string): void {
  try {
    Deno.openSync(path, { read: true }).close();
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) throw forbidden(path, error);
    // Whatever else is wrong is told by who opens it.
  }
}

/** For who may not use a state, be it for its rights or for what the program is kept from; undefined: the error is another one. */
export function obstruction(directory: string, error: unknown): StateError | undefined {
  if (error instanceof Deno.errors.PermissionDenied) return forbidden(directory, error);
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  const obstacle = directoryObstacle(directory) ?? "this program is kept from it";
  return stateNotWritable(directory, obstacle);
}

/** For who may not use a state: whose it is, and what to do. */
export function forbidden(path: string, cause: Error): StateError {
  const owner = ownerOf(path);
  const run = owner?.name === undefined
    ? "with sudo"
    : `as ${owner.name} (sudo -u ${owner.name} …) or with sudo`;
  const whose = owner === undefined ? "another user" : owner.name ?? `the user with the number ${owner.uid}`;
  return new StateError(
    "unwritable",
    `no permission to use the state in ${path}: it is the state of ${whose}, and this is ${thisUserName()}. Run this ${run}. ` +
      "If it is to be this user's own, mend its owner or set STATE_DIR.",
    { cause },
  );
}

/** Undefined where not even that may be seen. The name is not known of users that exist only while their service runs. */
function ownerOf(path: string): { readonly uid: number; readonly name: string | undefined } | undefined {
  try {
    const { uid } = Deno.statSync(path);
    if (uid === null || uid === ROOT_UID) return undefined;
    const line = Deno.readTextFileSync("/etc/passwd").split("\n").find((entry) =>
      entry.split(":")[2] === `${uid}`
    );
    return { uid, name: line?.split(":")[0] };
  } catch {
    return undefined;
  }
}

function assertOwnersAndNames(directory: string, isOfService: boolean): void {
  const user = thisUser();
  // Of the directory itself: systemd has a link of root in its place.
  const info = infoBehind(directory);
  const owner = isOfService ? info?.uid : undefined;
  const distrust = distrustOfWay(directory, asOwner(user, owner));
  if (distrust !== undefined) throw untrusted(directory, distrust);
  if (info?.isDirectory !== true) return;
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) =>
    OWN_NAMES.test(name)
  );
  assertOwn(names.map((name) => `${directory}/${name}`));
}

/** Of another user only the number is known. */
function asOwner(user: User | undefined, uid: number | null | undefined): User | undefined {
  if (user === undefined || uid === undefined || uid === null || uid === user.uid) return user;
  return { ...user, uid, groups: undefined };
}

/** Gives what {@link openOwn} and its like refuse its class; other errors come back as they are. */
export function toUntrusted(error: unknown, directory: string): unknown {
  return error instanceof UnfitFile ? untrusted(directory, error.message) : error;
}

function untrusted(directory: string, reason: string): StateError {
  const uid = thisUser()?.uid;
  return new StateError(
    "untrusted",
    `the state directory ${directory} is not used: ${reason}. Somebody else could choose what is written there. It must belong to ` +
      `the user of the handler${
        uid === undefined ? "" : ` (here uid ${uid})`
      } or to root, on a way that nobody else may change, ` +
      "and have no links in the place of its files. Run this as its owner, mend it (chown, chmod 700), or name another STATE_DIR.",
  );
}
