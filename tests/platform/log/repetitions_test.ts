import assert from "node:assert/strict";
import { createLogger, type LogFields } from "../../../src/platform/log/logger.ts";
import { Repetitions } from "../../../src/platform/log/repetitions.ts";

type Line = LogFields & { readonly level: string; readonly message: string };

/** A logger of a component, and the lines that it has told. */
function rig() {
  const lines: Line[] = [];
  const root = createLogger({
    level: "debug",
    format: "json",
    write: (line) => lines.push(JSON.parse(line)),
    now: () => 0,
  });
  const repetitions = new Repetitions();
  const folded = repetitions.foldComponents(root);
  const told = () => lines.splice(0).map(({ message, times }) => times ? `${message} ×${times}` : message);
  return { lines, told, repetitions, folded, logger: folded.child("router") };
}

Deno.test("a cause is told at once, and what follows of it once a minute, the last one last", () => {
  const { told, repetitions, logger } = rig();
  const flap = (rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      logger.warn("cannot deliver: refused", { sink: "kafka", attempt: i });
      logger.info("the sink works again", { sink: "kafka" });
    }
  };
  flap(30);
  assert.deepEqual(told(), ["cannot deliver: refused", "the sink works again"]);
  repetitions.tell();
  assert.deepEqual(told(), ["cannot deliver: refused ×29", "the sink works again ×29"]);
  flap(30);
  logger.warn("cannot deliver: refused", { sink: "kafka" });
  assert.deepEqual(told(), []);
  repetitions.tell();
  assert.deepEqual(told(), ["the sink works again ×30", "cannot deliver: refused ×31"]);
});

Deno.test("the last one is told with its own fields", () => {
  const { lines, repetitions, logger } = rig();
  for (let attempt = 1; attempt <= 5; attempt++) logger.warn("cannot deliver: no", { sink: "s", attempt });
  repetitions.tell();
  assert.deepEqual(lines.map(({ attempt, times }) => [attempt, times]), [[1, undefined], [5, 4]]);
});

Deno.test("a minute without it, and the cause is news again", () => {
  const { told, repetitions, logger } = rig();
  for (let minute = 0; minute < 3; minute++) {
    logger.error("fetching stops: the disk is full");
    assert.deepEqual(told(), ["fetching stops: the disk is full"]);
    repetitions.tell();
    repetitions.tell();
    assert.deepEqual(told(), []);
  }
});

Deno.test("causes are told apart by level, component, place and words, not by numbers in them", () => {
  const { told, folded, logger } = rig();
  logger.warn("refused by 10.0.0.7:40001", { sink: "a" });
  logger.warn("refused by 10.0.0.7:40002", { sink: "a" });
  logger.warn("refused by 10.0.0.7:40003", { sink: "b" });
  logger.error("refused by 10.0.0.7:40004", { sink: "a" });
  folded.child("ingest").warn("refused by 10.0.0.7:40005", { bus: "a" });
  logger.warn("a request was refused", { reason: "no token" });
  logger.warn("a request was refused", { reason: "another host" });
  assert.deepEqual(told(), [
    "refused by 10.0.0.7:40001",
    "refused by 10.0.0.7:40003",
    "refused by 10.0.0.7:40004",
    "refused by 10.0.0.7:40005",
    "a request was refused",
    "a request was refused",
  ]);
});

Deno.test("errors that are new each time are told as one beyond the first of them", () => {
  const { told, repetitions, logger } = rig();
  const word = (i: number) => String.fromCharCode(97 + i % 26, 97 + Math.floor(i / 26) % 26);
  for (let minute = 0; minute < 3; minute++) {
    for (let i = 0; i < 600; i++) logger.warn(`the bus cannot be read: it says ${word(i)}`, { bus: "b" });
    repetitions.tell();
    const lines = told();
    assert.ok(lines.length <= 22, lines.join("\n"));
    assert.ok(lines.some((line) => line.startsWith(`the bus cannot be read: it says ${word(599)} ×`)));
  }
});

Deno.test("what the program itself says, and debug, is told as it comes", () => {
  const { told, folded, logger } = rig();
  for (let i = 0; i < 2; i++) {
    folded.info("the settings were read again");
    logger.debug("kafkajs");
  }
  assert.deepEqual(told().length, 4);
});
