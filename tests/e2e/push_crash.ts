/** Requests that are pushed to a handler while it is killed again and again. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { PATIENCE_MS, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { randomNumbers } from "../support/event_stream.ts";
import { compressed, writeRequest } from "../support/prometheus_messages.ts";
import { Listener } from "./listener.ts";
import { sqlitePath } from "./plant.ts";
import { assertProven } from "./proof.ts";

export interface PushCrash {
  readonly seed: number;
  readonly requests: number;
  readonly linesEach: number;
  readonly kills: number;
}

const SENDERS = 4;
type Request = readonly [path: string, body: BodyInit, headers: Readonly<Record<string, string>>];
/**
 * Requests take turns: lines with a key, lines without key and time, lines with times, remote write. Only
 * those without key and time may count again.
 */
const KINDS = 4;
const KEYED = 0;
const PLAIN = 1;
const TIMED = 2;

/**
 * Each request has a name of its own, and is sent again until it is answered. A request counts
 * once where it has a key, or is of values that all have times. Another one counts at least once, and at most
 * as often as it was sent.
 */
export async function pushThroughKills({ seed, requests, linesEach, kills }: PushCrash): Promise<void> {
  const random = randomNumbers(seed);
  await using directory = await temporaryDirectory();
  await using listener = await Listener.start(directory.path);
  const timeSeconds = Math.floor(Date.now() / 1000) - 3600;
  const requestOf = (number: number): Request => {
    const kind = number % KINDS;
    if (kind > TIMED) return remoteWrite(`r${number}.f`, timeSeconds, linesEach);
    const time = kind === TIMED ? ` ${timeSeconds}000000000` : "";
    const body = `r${number} f=1${time}\n`.repeat(linesEach);
    return ["/write", body, kind === KEYED ? { "idempotency-key": `k${number}` } : {}];
  };
  const tries = new Array<number>(requests).fill(0);
  let [next, answered] = [0, 0];
  const send = async () => {
    while (next < requests) {
      const number = next++;
      const request = requestOf(number);
      const isTaken = async () => {
        tries[number]!++;
        const reply = await listener.post(...request).catch(() => undefined);
        const isKnown = reply === undefined || [200, 204, 429, 503].includes(reply.status);
        assert.ok(isKnown, reply?.text);
        return reply !== undefined && reply.status < 300;
      };
      await until(isTaken, "an answer");
      answered++;
    }
  };
  const sending = Promise.all(Array.from({ length: SENDERS }, send));
  for (let kill = 0; kill < kills; kill++) {
    const due = Math.floor(requests * (kill + random()) / kills);
    await until(() => answered >= Math.min(due, requests - SENDERS), "answers", PATIENCE_MS, [
      listener.program,
    ]);
    await listener.program.kill9();
    await listener.restart();
  }
  await sending;
  await listener.program.kill9();
  const { code, stderr } = await runToEnd(["once", "--flush"], listener.environment);
  assert.equal(code, 0, stderr);
  await assertProven(listener.environment);
  const counts = countsIn(sqlitePath(directory.path));
  for (let number = 0; number < requests; number++) {
    const times = (counts.get(`r${number}.f`) ?? 0) / linesEach;
    const most = number % KINDS === PLAIN ? tries[number]! : 1;
    const isRight = Number.isInteger(times) && times >= 1 && times <= most;
    assert.ok(isRight, `request ${number}: ${times} of ${most}`);
  }
}

function remoteWrite(name: string, timeSeconds: number, count: number): Request {
  const samples = Array.from({ length: count }, (_, i) => ({ value: 1, timestamp: timeSeconds * 1000 + i }));
  const body = compressed(writeRequest([{ labels: { __name__: name }, samples }]));
  const headers = { "content-type": "application/x-protobuf", "content-encoding": "snappy" };
  return ["/api/v1/write", Uint8Array.from(body), headers];
}

function countsIn(path: string): Map<string, number> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const sql = "SELECT name, sum(count) AS count FROM aggregated_events GROUP BY name";
    const rows = database.prepare(sql).all();
    return new Map(rows.map(({ name, count }) => [name as string, Number(count)]));
  } finally {
    database.close();
  }
}
