import { infoBehind } from "../../platform/file/absence.ts";
import { isOpenAsDatabase } from "../../platform/file/open_databases.ts";
import { assertOwn, UnfitFile } from "../../platform/file/regular_file.ts";
import { distrustOfWay } from "../../platform/file/trust.ts";
import { ROOT_UID, thisUser, thisUserName, type User } from "../../platform/file/user.ts";
import { directoryObstacle } from "../../platform/file/write_obstacle.ts";
import { StateError, stateNotWritable } from "./state_error.ts";

/** The state in its directory. */
export const STATE_FILE_NAME = "state.sqlite";
/**
 * The files that the program opens in the directory: the state in all of its forms, the lock and the mark,
 * and beside them inboxes, birth certificates, the history of figures, the sink and a demo's bus.
 */
const OWN_NAMES =
  /^(?:(?:state|aggregates|bus|inbox-.*|births-.*)\.sqlite.*|figures\.ndjson.*|lock|commits)$/;

/**
 * Checks that nobody else can control what is read and written in a state directory.
 *
 * @param isOfService Whether it may belong to another user: an operator, mostly root, who looks into the
 * state of a service.
 * @throws {StateError} `untrusted`
 */
export function assertTrusted(directory: string, isOfService: boolean): void {
  try {
    assertOwnersAndNames(directory, isOfService);
  } catch (error) {
    throw obstruction(directory, error) ?? toUntrusted(error, directory);
  }
}

/**
 * Checks that this user may read an existing state file. One that this process has open is not opened again.
 *
 * @throws {StateError} `unwritable`, with its owner.
 */
export function assertAllowed(path: string): void {
  if (isOpenAsDatabase(path)) return;
  try {
    Deno.openSync(path, { read: true }).close();
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) throw forbidden(path, error);
    // Opening the file reports other errors.
  }
}

/**
 * The error where a state may not be used, by its mode or by restrictions of the program; undefined: it is
 * another error.
 */
export function obstruction(directory: string, error: unknown): StateError | undefined {
  if (error instanceof Deno.errors.PermissionDenied) {
    return whyNotMade(directory) ?? forbidden(directory, error);
  }
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  const obstacle = directoryObstacle(directory) ?? "this program is kept from it";
  return stateNotWritable(directory, obstacle);
}

/** The error where there is no state directory and none can be made; undefined: it is another error. */
function whyNotMade(directory: string): StateError | undefined {
  try {
    if (infoBehind(directory) !== undefined) return undefined;
    const obstacle = directoryObstacle(directory);
    return obstacle === undefined ? undefined : stateNotWritable(directory, obstacle);
  } catch {
    // Not even that may be seen.
    return undefined;
  }
}

/** The message where a state may not be used: its owner, and what to do. */
export function forbidden(path: string, cause: Error): StateError {
  if (isOwn(path)) {
    return new StateError(
      "unwritable",
      `no permission to use the state in ${path}, although it is that of this user, ${thisUserName()}: the ` +
        "mode or the owner of the directory, or of a file in it, prevents it. Mend that (chmod u+rwX, " +
        "chown).",
      { cause },
    );
  }
  const owner = ownerOf(path);
  const run = owner?.name === undefined
    ? "with sudo"
    : `as ${owner.name} (sudo -u ${owner.name} …) or with sudo`;
  const whose = owner === undefined ? "another user" : owner.name ?? `the user with the number ${owner.uid}`;
  return new StateError(
    "unwritable",
    `no permission to use the state in ${path}: it is the state of ${whose}, and this is ` +
      `${thisUserName()}. Run this ${run}. If it is to be this user's own, mend its owner or set ` +
      "STATE_DIR.",
    { cause },
  );
}

function isOwn(path: string): boolean {
  try {
    return Deno.statSync(path).uid === thisUser()?.uid;
  } catch {
    return false;
  }
}

/**
 * The owner; undefined where even that is not visible. Users that exist only while their service runs have no
 * known name.
 */
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
  // The owner of the directory itself, not of a link to it: systemd uses a link that belongs to root.
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

/** The user whose files are trusted. Of another user, only the number is known. */
function asOwner(user: User | undefined, uid: number | null | undefined): User | undefined {
  if (user === undefined || uid === undefined || uid === null || uid === user.uid) return user;
  return { ...user, uid, groups: undefined };
}

/** Classifies the refusals of {@link openOwn} and similar functions. Other errors are returned unchanged. */
export function toUntrusted(error: unknown, directory: string): unknown {
  return error instanceof UnfitFile ? untrusted(directory, error.message) : error;
}

function untrusted(directory: string, reason: string): StateError {
  const uid = thisUser()?.uid;
  return new StateError(
    "untrusted",
    `the state directory ${directory} is not used: ${reason}. Somebody else could choose what is ` +
      "written there. It must belong to the user of the " +
      `handler${uid === undefined ? "" : ` (here uid ${uid})`} or to root, on a way ` +
      "that nobody else may change, and have no links in the place of its files. Run this as its " +
      "owner, mend it (chown, chmod 700), or name another STATE_DIR.",
  );
}
