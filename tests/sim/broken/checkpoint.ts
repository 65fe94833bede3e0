import { Watermark } from "../../../src/aggregation/watermark.ts";
import { Checkpoint } from "../../../src/state/checkpoint/checkpoint.ts";
import type { CheckpointInput } from "../../../src/state/checkpoint/checkpoint_input.ts";
import { IdWriter } from "../../../src/state/checkpoint/id_writer.ts";
import type { StateDatabase } from "../../../src/state/file/state_database.ts";
import type { BrokenVariant } from "./broken_variant.ts";
import { replace } from "./replace.ts";

/** Mistakes in checkpoints. */
export const BROKEN_CHECKPOINT: readonly BrokenVariant[] = [
  {
    name: "the checkpoint is not atomic: offsets are saved without the windows",
    foundBy: 1,
    parts: () =>
      replace(Checkpoint, "write", (write) =>
        function (input: CheckpointInput) {
          (this.state as StateDatabase).transaction(() => this.positions.write(input));
          return write.call(this, input);
        }),
  },
  {
    name: "a failed checkpoint counts as written in memory",
    foundBy: 44,
    parts: () =>
      replace(Checkpoint, "write", (write) =>
        function (input: CheckpointInput) {
          try {
            return write.call(this, input);
          } catch (error) {
            this.aggregator.windows.markAllClean();
            throw error;
          }
        }),
  },
  {
    name: "open windows are not restored",
    foundBy: 3,
    parts: () => replace(Checkpoint, "restoreWindows", () => () => {}),
  },
  {
    name: "the ids of events are not in the checkpoint",
    foundBy: 11,
    parts: () => replace(IdWriter, "restore", () => () => {}),
  },
  {
    name: "how far the events of a bus have come is not in the checkpoint",
    foundBy: 10,
    parts: () =>
      replace(Watermark, "restore", (restore) =>
        function (valueMs: number, greatestMs: readonly number[]) {
          restore.call(this, valueMs, greatestMs.map(() => -Infinity));
        }),
  },
];
