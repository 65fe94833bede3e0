import type { Config } from "../settings/config.ts";
import { shareInWords, type ShareNumber } from "../settings/share.ts";
import { readPartitions } from "../state/checkpoint/partitions.ts";
import { readSetting } from "../state/checkpoint/settings_in_force.ts";
import { StateError } from "../state/file/state_error.ts";
import type { StateDatabase } from "../state/file/state_database.ts";

const OR_TAKE_OVER = "(docs/operations.md, Several instances); start once with --take-over when that is done";

/** The share as the state keeps it; empty: none any more; undefined: there never was one. */
export function shareText({ share }: Pick<Config, "share">, state: StateDatabase): string | undefined {
  if (share !== undefined) return JSON.stringify({ index: share.index, count: share.count });
  return readSetting(state, "SHARE") === undefined ? undefined : "";
}

/**
 * Checks that the share may be another one than at the last run: nothing may be read by two instances, or by
 * none, unless an operator says that he has seen to it.
 *
 * @throws {StateError} `foreign`
 */
export function assertShare({ share, stateDir }: Config, state: StateDatabase, takesOver: boolean): void {
  if (takesOver) {
    if (share !== undefined) return;
    throw new StateError(
      "foreign",
      "--take-over takes what INSTANCE_COUNT and INSTANCE_INDEX say, and neither is set: this handler " +
        "would read everything. Set both, or leave --take-over out.",
    );
  }
  const problem = problemOf(share, keptShare(state), isUnread(state));
  if (problem !== undefined) throw new StateError("foreign", `The state in ${stateDir} ${problem}.`);
}

/** The share at the last run; undefined: the handler was alone. */
export function keptShare(state: StateDatabase): ShareNumber | undefined {
  const text = readSetting(state, "SHARE");
  return text ? JSON.parse(text) : undefined;
}

function problemOf(
  share: Config["share"],
  kept: ShareNumber | undefined,
  isNew: boolean,
): string | undefined {
  if (share === undefined) {
    if (kept === undefined) return undefined;
    return `is that of ${shareInWords(kept)}, and INSTANCE_COUNT is not set: this handler would read what ` +
      "others read. Set INSTANCE_COUNT again; to have one instance only, set it to 1 " + OR_TAKE_OVER;
  }
  if (kept !== undefined && kept.index !== share.index) {
    return `is that of ${shareInWords(kept)}, and INSTANCE_INDEX is ${share.index}: an instance keeps its ` +
      `number. Give each instance its own STATE_DIR and INSTANCE_INDEX ${OR_TAKE_OVER}`;
  }
  if (share.handsOver || (kept === undefined ? isNew : kept.count === share.count)) return undefined;
  const before = kept === undefined ? "of a handler that reads everything" : `of ${shareInWords(kept)}`;
  return `is that ${before}, and INSTANCE_COUNT is ${share.count}: buses would move to other ` +
    `instances, and VABUS_URL has some that cannot be handed over. Move them by hand ${OR_TAKE_OVER}`;
}

function isUnread(state: StateDatabase): boolean {
  return readPartitions(state).every(({ position }) => position === null);
}
