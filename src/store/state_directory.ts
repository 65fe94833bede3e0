import { infoOf } from "../file/absence.ts";
import { assertOwn, UnfitFile } from "../file/regular_file.ts";
import { distrustOfWay } from "../file/trust.ts";
import { thisUser } from "../file/user.ts";
import { StateError } from "./state_error.ts";

/** The state in its directory. */
export const STATE_FILE_NAME = "state.sqlite";
/** What the program opens in the directory: the state in all of its forms, the sink beside it, the lock and the mark. */
const OWN_NAMES = /^(?:(?:state|aggregates)\.sqlite.*|lock|commits)$/;

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
    if (!(error instanceof Deno.errors.PermissionDenied)) throw toUntrusted(error, directory);
    throw new StateError(
      "unwritable",
      `no permission to use the state directory ${directory}. Mend its owner or set STATE_DIR.`,
      { cause: error },
    );
  }
}

function assertOwnersAndNames(directory: string, isOfService: boolean): void {
  const user = thisUser();
  const owner = isOfService ? infoOf(`${directory}/.`)?.uid : undefined;
  const distrust = distrustOfWay(directory, user && { ...user, uid: owner ?? user.uid });
  if (distrust !== undefined) throw untrusted(directory, distrust);
  if (infoOf(`${directory}/.`)?.isDirectory !== true) return;
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) =>
    OWN_NAMES.test(name)
  );
  assertOwn(names.map((name) => `${directory}/${name}`));
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
