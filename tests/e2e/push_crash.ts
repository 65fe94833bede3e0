/** Requests that are pushed to a handler while it is killed again and again. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { PATIENCE_MS, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { randomNumbers } from "../support/event_stream.ts";
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
/** Every so many requests have a key. */
const KEYED = 2;

/**
 * Each request has a name of its own, and is sent again until it is answered. A request with a key counts
 * once. One without counts at least once, and at most as often as it was sent.
 */
export async function pushThroughKills({ seed, requests, linesEach, kills }: PushCrash): Promise<void> {
  const random = randomNumbers(seed);
  await using directory = await temporaryDirectory();
  await using listener = await Listener.start(directory.path);
  const timeNs = `${Math.floor(Date.now() / 1000) - 3600}000000000`;
  const tries = new Array<number>(requests).fill(0);
  let [next, answered] = [0, 0];
  const send = async () => {
    while (next < requests) {
      const number = next++;
      const body = `r${number} f=1 ${timeNs}\n`.repeat(linesEach);
      const headers: Record<string, string> = number % KEYED === 0 ? { "idempotency-key": `k${number}` } : {};
      const isTaken = async () => {
        tries[number]!++;
        const reply = await listener.post("/write", body, headers).catch(() => undefined);
        assert.ok(reply === undefined || reply.status === 204 || reply.status === 429, reply?.text);
        return reply?.status === 204;
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
    const most = number % KEYED === 0 ? 1 : tries[number]!;
    const isRight = Number.isInteger(times) && times >= 1 && times <= most;
    assert.ok(isRight, `request ${number}: ${times} of ${most}`);
  }
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
