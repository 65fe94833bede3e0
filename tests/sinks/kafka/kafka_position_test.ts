import assert from "node:assert/strict";
import { KafkaJSConnectionError, type KafkaJSProtocolError } from "kafkajs/src/errors.js";
import { createErrorFromCode } from "kafkajs/src/protocol/error.js";
import type { SinkContext } from "../../../src/contract/sink.ts";
import { KafkaPosition } from "../../../src/sinks/kafka/kafka_position.ts";
import type { KafkaSession } from "../../../src/sinks/kafka/kafka_session.ts";
import { HastyClock } from "../../delivery/delivery_rig.ts";
import { loggerTo } from "../../support/logs.ts";

const HALF_A_DAY_MS = 12 * 3_600_000;

function scene(found?: { offset: number; metadata: string | null }) {
  const clock = new HastyClock();
  const log: string[] = [];
  const logger = loggerTo(log);
  const asked: unknown[] = [];
  const session: Pick<KafkaSession, "committedOffset"> = {
    committedOffset: (where) => {
      asked.push(where);
      return Promise.resolve(found);
    },
  };
  const position = new KafkaPosition("group", "t", clock, logger);
  /** Where to begin, with a cursor of 5 in a state that had come to 8 when it was started. */
  const start = (isConfirmed = true, objects = true) =>
    position.start(session as KafkaSession, {
      stateId: "state",
      cursor: 5,
      confirmed: { any: isConfirmed, newest: [] },
      claimant: { startId: 8, objectionToPosition: (nextId: number) => objects ? `no ${nextId}` : undefined },
    } as unknown as SinkContext);
  return { clock, log, asked, position, start, session: session as KafkaSession };
}

/** A transaction that refuses offsets with these errors, and then takes them. */
function transaction(...refusals: readonly Error[]) {
  const sent: unknown[] = [];
  const sendOffsets = (offsets: unknown) => {
    sent.push(offsets);
    const error = refusals[sent.length - 1];
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  };
  return { sent, to: { sendOffsets } };
}

/** What kafkajs makes of a broker's error. */
const refused = (code: number) => createErrorFromCode(code) as KafkaJSProtocolError;
const [LOADING, NOT_COORDINATOR, STALE_EPOCH, CONCURRENT] = [14, 16, 47, 51].map(refused);

Deno.test("a position is committed for the group, with the id of the state", async () => {
  const { sent, to } = transaction();
  await scene().position.send(to, 7, "state");
  assert.deepEqual(sent, [{
    consumerGroupId: "group",
    topics: [{ topic: "t", partitions: [{ partition: 0, offset: "7", metadata: "state" }] }],
  }]);
});

Deno.test("a position waits, as records do, for what passes at the broker, and for nothing else", async () => {
  for (const passing of [CONCURRENT!, LOADING!, NOT_COORDINATOR!]) {
    const { clock, position } = scene();
    const { sent, to } = transaction(passing, passing, passing);
    await position.send(to, 7, "state");
    assert.deepEqual([sent.length, clock.pauses], [4, [10, 20, 40]], passing.type);
  }
  const closed = new KafkaJSConnectionError("closed");
  assert.equal(closed.retriable, true);
  for (const error of [STALE_EPOCH!, closed]) {
    const { position } = scene();
    const { sent, to } = transaction(error);
    await assert.rejects(position.send(to, 8, "state"), error);
    assert.equal(sent.length, 1);
  }
});

Deno.test("a position does not wait for ever", async () => {
  const { clock, position } = scene();
  const { sent, to } = transaction(...Array<Error>(99).fill(LOADING!));
  await assert.rejects(position.send(to, 7, "state"), { type: "GROUP_LOAD_IN_PROGRESS" });
  assert.deepEqual([sent.length, clock.pauses.length, Math.max(...clock.pauses)], [16, 15, 1000]);
});

Deno.test("a position is written again after half a day, and after each start", async () => {
  const { clock, position, start } = scene();
  assert.equal(position.isRenewalDue, true);
  position.written();
  clock.ms += HALF_A_DAY_MS - 1;
  assert.equal(position.isRenewalDue, false);
  clock.ms += 1;
  assert.equal(position.isRenewalDue, true);
  position.written();
  assert.equal(position.isRenewalDue, false);
  await start();
  assert.equal(position.isRenewalDue, true);
});

Deno.test("without a position it begins at its own, and says so where records were confirmed", async () => {
  const { asked, log, position, session, start } = scene();
  assert.equal(await start(false), 5);
  assert.deepEqual(log, []);
  assert.equal(await start(true), 5);
  assert.match(
    log.join("\n"),
    /^[^\n]*ERROR Kafka knows no position of this handler[^\n]*group="group" cursor=5$/,
  );
  assert.deepEqual(asked[0], { groupId: "group", topic: "t", partition: 0 });
  assert.equal(await position.fetch(session), undefined);
});

Deno.test("it begins at the further one of its own position and Kafka's", async () => {
  for (const [offset, first] of [[0, 5], [5, 5], [6, 6], [8, 8]] as const) {
    const { log, start } = scene({ offset, metadata: "state" });
    assert.equal(await start(), first);
    assert.deepEqual(log, []);
  }
});

Deno.test("the position of another state is not gone by", async () => {
  for (const metadata of ["another", null]) {
    const { log, start } = scene({ offset: 7, metadata });
    assert.equal(await start(), 5);
    assert.match(log.join(), /WARN {2}the position in Kafka belongs to another state.*position=7 cursor=5$/);
  }
});

Deno.test("a position that this state never tried shows another life of it", async () => {
  const { log, position, start } = scene({ offset: 9, metadata: "state" });
  await assert.rejects(start(), { kind: "misconfigured", message: "Kafka, topic t: no 9" });
  assert.equal(await start(true, false), 5, "an operator has accepted it");
  assert.match(log.join(), /WARN {2}the position in Kafka is another handler's.*position=9 cursor=5$/);
  await position.send(transaction().to, 9, "state");
  await position.send(transaction().to, 3, "state");
  assert.equal(await start(), 9, "it was tried by this process, whose answer was lost");
});
