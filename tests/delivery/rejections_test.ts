import assert from "node:assert/strict";
import { SinkError } from "../../src/contract/sink.ts";
import { Rejections } from "../../src/delivery/rejections.ts";
import { TooManyRefused } from "../../src/state/outbox/outbox.ts";
import { Ledger } from "./delivery_rig.ts";
import { aggregateNamed, MemoryOutbox } from "./memory_outbox.ts";
import { loggerTo } from "../support/logs.ts";

const REFUSAL = { reason: "rejected", detail: "too long" } as const;
const batchOf = (labels?: string) => ({
  firstId: 1,
  nextId: 4,
  ids: [2],
  aggregates: [{ ...aggregateNamed("n".repeat(101)), ...(labels === undefined ? undefined : { labels }) }],
});

function rejections(outbox = MemoryOutbox.of(9)) {
  const ledger = new Ledger();
  const log: string[] = [];
  const logger = loggerTo(log, "debug", "json");
  return { outbox, ledger, log, of: new Rejections("s", outbox, logger, ledger) };
}

Deno.test("a refused aggregate is a dead letter, is behind the cursor, is counted and is told shortened", () => {
  const { ledger, log, of, outbox } = rejections();
  of.put(batchOf(), REFUSAL);
  assert.deepEqual(outbox.rejected.map(({ sink, error, reason }) => [sink, error, reason]), [
    ["s", "too long", "rejected"],
  ]);
  assert.equal(outbox.cursor("s"), 4);
  assert.equal(ledger.rejected_, 1);
  of.put(batchOf("{".padEnd(101, "l")), REFUSAL);
  const [plain, labelled] = log.map((line) => JSON.parse(line));
  assert.equal(plain.level, "error");
  assert.deepEqual([plain.sink, plain.name, plain.agg_func, plain.reason, plain.error], [
    "s",
    "n".repeat(100),
    "sum",
    "rejected",
    "too long",
  ]);
  assert.equal("labels" in plain, false);
  assert.equal(labelled.labels, "{".padEnd(100, "l"));
});

Deno.test("where no more can be kept, an operator must act; nothing is counted", () => {
  for (const error of [new TooManyRefused("settle some"), new TypeError("bug")]) {
    const { ledger, log, of, outbox } = rejections();
    outbox.reject = () => {
      throw error;
    };
    assert.throws(() => of.put(batchOf(), REFUSAL), (thrown) => {
      if (error instanceof TypeError) return thrown === error;
      assert.ok(thrown instanceof SinkError);
      assert.deepEqual([thrown.kind, thrown.message, thrown.cause], ["misconfigured", "settle some", error]);
      return true;
    });
    assert.deepEqual([ledger.rejected_, log.length], [0, 0]);
  }
});
