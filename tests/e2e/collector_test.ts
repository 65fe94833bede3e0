/** A real collector of OpenTelemetry that writes to the built program. */
import assert from "node:assert/strict";
import { COLLECTOR } from "../../scripts/go_programs.ts";
import { Collector, ENCODINGS } from "../support/collector.ts";
import { runToEnd, temporaryDirectory } from "../support/executable.ts";
import { Listener } from "./listener.ts";
import { sqlitePath, sqliteSink } from "./plant.ts";
import { assertProven } from "./proof.ts";

const TOKEN = "secret";
const POINTS = 60;
const HOUR_S = 3600;

const program = await COLLECTOR.path();
if (program === undefined) console.error("Without the collector of OpenTelemetry: `make clients` builds it.");

Deno.test({
  name: "the collector exports through an outage of the handler, and each point counts once an exporter",
  ignore: program === undefined,
  async fn() {
    await using directory = await temporaryDirectory();
    await using listener = await Listener.start(directory.path, { VABUS_TOKEN: TOKEN });
    await using collector = await Collector.start(program!, directory.path, listener.url, TOKEN);
    const timeS = Math.floor(Date.now() / 1000) - HOUR_S;
    await collector.take(0, POINTS / 2, timeS);
    await collector.delivered(POINTS / 2);
    await listener.program.kill9();
    await collector.take(POINTS / 2, POINTS, timeS);
    await collector.waits();
    await listener.restart();
    await collector.delivered(POINTS);
    assert.equal(await listener.program.stop(), 0);
    const { code, stderr } = await runToEnd(["once", "--flush"], listener.environment);
    assert.equal(code, 0, stderr);
    await assertProven(listener.environment);
    const rows = await sqliteSink(sqlitePath(directory.path)).rows();
    const found = rows.map(({ name, labels, aggFunc, count, value }) =>
      [name, JSON.parse(labels!).number, aggFunc, count, value].join()
    );
    const expected = Array.from(
      { length: POINTS },
      (_, i) => ["press", i, "avg", ENCODINGS.length, i + 0.5].join(),
    );
    assert.deepEqual(found.sort(), expected.sort());
  },
});
