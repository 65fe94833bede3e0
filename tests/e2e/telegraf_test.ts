/** A real Telegraf that writes to the built program. */
import assert from "node:assert/strict";
import { TELEGRAF } from "../../scripts/go_programs.ts";
import { PATIENCE_MS, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { Telegraf, TELEGRAF_OUTPUTS } from "../support/telegraf.ts";
import { Listener } from "./listener.ts";
import { sqlitePath, sqliteSink } from "./plant.ts";
import { assertProven } from "./proof.ts";

const TOKEN = "secret";
const METRICS = 60;
const HOUR_S = 3600;

/** Waits until the books of a handler that runs have so many events. */
async function received({ environment, program }: Listener, events: number): Promise<void> {
  const isThere = async () => {
    const { stdout } = await runToEnd(["status", "--json"], environment);
    return JSON.parse(stdout).accounting.received >= events;
  };
  await until(isThere, `${events} events in the books`, PATIENCE_MS, [program]);
}

const program = await TELEGRAF.path();
if (program === undefined) console.error("Without Telegraf: `make clients` builds it.");

Deno.test({
  name:
    "Telegraf writes by each of its outputs through an outage of the handler, and each metric counts once",
  ignore: program === undefined,
  async fn() {
    await using directory = await temporaryDirectory();
    await using listener = await Listener.start(directory.path, { VABUS_TOKEN: TOKEN });
    await using telegraf = await Telegraf.start(program!, directory.path, listener.url, TOKEN);
    const startS = Math.floor(Date.now() / 1000) - HOUR_S;
    const lines = Array.from(
      { length: METRICS },
      (_, i) => `press,number=${i} f=${i}.5 ${startS + i}000000000`,
    );
    await telegraf.take(lines.slice(0, METRICS / 2));
    await telegraf.delivered(METRICS / 2);
    await listener.program.kill9();
    await telegraf.take(lines.slice(METRICS / 2));
    await telegraf.failed();
    await listener.restart();
    await telegraf.delivered(METRICS);
    // A label that is too long is refused, and what comes with it and after it is not held up.
    await telegraf.take([`press,long=${"x".repeat(3000)} f=1`, `press,number=last f=1 ${startS}000000000`]);
    await telegraf.take([`press,number=after f=1 ${startS}000000000`]);
    await received(listener, TELEGRAF_OUTPUTS.length * (METRICS + 2));
    assert.equal(await listener.program.stop(), 0);
    const { code, stderr } = await runToEnd(["once", "--flush"], listener.environment);
    assert.equal(code, 0, stderr);
    await assertProven(listener.environment);
    const rows = await sqliteSink(sqlitePath(directory.path)).rows();
    const found = rows.map((
      { name, labels, count, value },
    ) => [name, JSON.parse(labels!).number, count, value]);
    const expected = TELEGRAF_OUTPUTS.flatMap((output) => {
      const name = output === "prometheus" ? "prometheus_press_f" : `${output}.press.f`;
      return [
        ...lines.map((_, i) => [name, `${i}`, 1, i + 0.5]),
        ...["last", "after"].map((number) => [name, number, 1, 1]),
      ];
    });
    assert.deepEqual(found.map((row) => row.join()).sort(), expected.map((row) => row.join()).sort());
  },
});
