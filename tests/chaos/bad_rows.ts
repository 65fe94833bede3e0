import assert from "node:assert/strict";
import postgres from "postgres";
import { randomNumbers } from "../support/event_stream.ts";
import { assertNoStackTrace, PATIENCE_MS, pause, runToEnd, until } from "../support/executable.ts";
import { Load } from "./load.ts";
import type { Injected, Scenario, ScenarioOptions } from "./scenario.ts";
import { theirServers } from "./servers.ts";
import { Site } from "./site.ts";

/**
 * A trigger in the database refuses some rows, with an error that names no row, until an operator mends it.
 */
export const badRows: Scenario = {
  name: "bad-rows",
  what: "a trigger of PostgreSQL that refuses a fifth of the names for a while, with kills of the " +
    "handler meanwhile",
  obstacle: theirServers,
  run: (options) => refuse(options),
};

const ROUND_SECONDS = 10;

async function refuse({ servers, seed, seconds, log }: ScenarioOptions): Promise<Injected> {
  const random = randomNumbers(seed ^ 0xbad);
  const roundsMax = Math.max(1, Math.floor(seconds / ROUND_SECONDS));
  const load = new Load({ seed, seconds, windowsPerSecond: 2, nameCount: 25 });
  let isOver = false;
  let isFed = false;
  let rounds = 0;
  let kills = 0;
  let refused = 0;
  await using site = await Site.start(servers);
  const table = site.environment.POSTGRES_TABLE!;
  const sql = postgres(servers.postgres.url, { max: 1, onnotice: () => {} });
  let handler = site.startHandler();
  const deadLettersNow = async (): Promise<number> =>
    JSON.parse((await runToEnd(["status", "--json"], site.environment)).stdout).dead_letters.by_reason
      .rejected ?? 0;
  const meddle = async () => {
    await until(
      async () => (await sql`select to_regclass(${table}) as found`)[0]!.found !== null,
      "the table",
      PATIENCE_MS,
      [handler],
    );
    do {
      rounds++;
      log("a trigger refuses rows");
      await sql.unsafe(`
        create or replace function refuse_${table}() returns trigger language plpgsql as $f$
          begin
            if abs(hashtext(new.name)) % 5 = 0 then raise exception 'no such meter: %', new.name; end if;
            return new;
          end $f$;
        create trigger refuse before insert on ${table} for each row execute function refuse_${table}()`);
      await until(
        async () => {
          const now = await deadLettersNow();
          refused = Math.max(refused, now);
          // On a slow machine all rows may be there before the trigger.
          return now > 0 || isFed;
        },
        "rows to be refused",
        PATIENCE_MS,
        [handler],
      );
      if (random() < 0.7) {
        await handler.kill9();
        assertNoStackTrace(handler);
        handler = site.startHandler();
        kills++;
      }
      await pause(random() * 1000);
      log("the trigger is gone, what it refused is put back");
      await sql.unsafe(`drop trigger refuse on ${table}`);
      await until(
        async () => {
          const retry = await runToEnd(["dead-letters", "retry", "--reason", "rejected"], site.environment);
          assert.equal(retry.code, 0, retry.stderr);
          return await deadLettersNow() === 0;
        },
        "all of it to be put back",
        PATIENCE_MS,
        [handler],
      );
    } while (rounds < roundsMax && !isFed);
  };
  try {
    const feed = load.feed(site.bus, () => isOver).then(() => isFed = true);
    await Promise.all([feed, meddle()]);
    await site.prove(load.oracle, handler);
  } finally {
    isOver = true;
    await sql.end({ timeout: 1 });
    await handler.kill9();
  }
  return new Map([
    ["rounds of refusals", rounds],
    ["rows refused at a time, at most", refused],
    ["kill -9 of the handler", kills],
    ["events, each in every table once", load.oracle.counts.aggregated],
  ]);
}
