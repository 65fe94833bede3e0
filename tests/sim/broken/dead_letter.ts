import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { CheckpointMaker } from "../../../src/ingest/checkpoint_maker.ts";
import { Checkpoint } from "../../../src/state/checkpoint/checkpoint.ts";
import type { CheckpointInput } from "../../../src/state/checkpoint/checkpoint_input.ts";
import { DeadLetterKeeper } from "../../../src/state/letters/dead_letter_keeper.ts";
import type { SinkRefusal } from "../../../src/state/outbox/outbox.ts";
import { OutboxLog } from "../../../src/state/outbox/outbox_log.ts";
import type { StateDatabase } from "../../../src/state/file/state_database.ts";
import type { BrokenVariant } from "./broken_variant.ts";
import { replace } from "./replace.ts";

/** Mistakes in dead letters. */
export const BROKEN_DEAD_LETTER: readonly BrokenVariant[] = [
  {
    name: "the dead letter of a rejected row is forgotten",
    foundBy: 5,
    parts: () =>
      replace(
        OutboxLog,
        "reject",
        () =>
          function (sink: string, _aggregate: Aggregate, _refusal: SinkRefusal, nextId: number) {
            this.advance(sink, nextId);
          },
      ),
  },
  {
    name: "a request is fulfilled and not forgotten",
    foundBy: 3,
    parts: () =>
      replace(DeadLetterKeeper, "settle", (settle) =>
        function (input: CheckpointInput, closed) {
          return settle.call(this, { ...input, settled: { ...input.settled, requests: [] } }, closed);
        }),
  },
  {
    name: "a dead letter is put back twice",
    foundBy: 3,
    parts: () =>
      replace(Checkpoint, "deadLetters", (deadLetters) =>
        function (ids: readonly number[]) {
          const found = deadLetters.call(this, ids);
          return [...found, ...found];
        }),
  },
  {
    name: "refused events are not kept when a checkpoint fails",
    foundBy: 10,
    parts: () =>
      replace(CheckpointMaker, "commit", (commit) =>
        function (choose) {
          const isWritten = commit.call(this, choose);
          if (!isWritten) this.intake.refused = [];
          return isWritten;
        }),
  },
  {
    name: "dead letters that are dropped are not counted",
    foundBy: 4,
    parts: () =>
      replace(DeadLetterKeeper, "drop", (drop) =>
        function (...values) {
          return { ...drop.apply(this, values), dropped: 0 };
        }),
  },
  {
    name: "dead letters of rejected rows are dropped with the others",
    foundBy: 5,
    parts: () =>
      replace(DeadLetterKeeper, "drop", (drop) =>
        function (...values) {
          const left = drop.apply(this, values);
          const { seal } = this.state as StateDatabase;
          if (left.dropped > 0) {
            seal.remove("dead_letter", "sink IS NOT NULL AND id < ?", left.deadLetters.goneId);
          }
          return left;
        }),
  },
  {
    name: "the newest dead letters are dropped instead of the oldest",
    foundBy: 4,
    parts: () =>
      replace(DeadLetterKeeper, "drop", (drop) =>
        function (...values) {
          const { seal, all } = this.state as StateDatabase;
          const newest = all.call(this.state, "SELECT max(id) AS id FROM dead_letter WHERE sink IS NULL");
          const left = drop.apply(this, values);
          if (left.dropped === 0) return left;
          seal.remove("dead_letter", "id = ?", (newest[0] as { id: number }).id);
          return {
            deadLetters: { ...left.deadLetters, deadLetters: left.deadLetters.deadLetters - 1 },
            dropped: left.dropped + 1,
          };
        }),
  },
];
