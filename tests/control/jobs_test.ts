import assert from "node:assert/strict";
import { Jobs } from "../../src/control/jobs.ts";
import { OrderError } from "../../src/control/order_error.ts";

const NEVER = new AbortController().signal;
const endless = () => new Promise<never>(() => {});

Deno.test("a job has its kind and sink for itself, and a sink that is away holds no other", () => {
  const jobs = new Jobs(() => 0, NEVER);
  const redeliver = (sink: string) =>
    jobs.start({ kind: "redeliver", sink, subject: sink, who: "root" }, endless);
  redeliver("kafka");
  redeliver("sqlite");
  jobs.start({ kind: "verify", sink: undefined, subject: "everything", who: "root" }, endless);
  assert.throws(
    () => redeliver("kafka"),
    (error) =>
      error instanceof OrderError &&
      error.message === "job 1 (redeliver to kafka) still runs: wait for its end",
  );
  assert.deepEqual(jobs.all.map(({ subject }) => subject), ["everything", "sqlite", "kafka"]);
});

Deno.test("jobs that run are kept, however many there are", () => {
  const jobs = new Jobs(() => 0, NEVER);
  for (let i = 0; i < 30; i++) {
    jobs.start({ kind: "redeliver", sink: `sink${i}`, subject: `${i}`, who: "root" }, endless);
  }
  assert.deepEqual(
    jobs.all.map(({ subject }) => Number(subject)),
    Array.from({ length: 30 }, (_, i) => 29 - i),
  );
});
