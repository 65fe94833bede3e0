import { refusedIn } from "../aggregation/event_books.ts";
import { systemClock } from "../platform/clock/clock.ts";
import { amount } from "../platform/log/amount.ts";
import { LockedSink } from "./locked_sink.ts";
import { MANY_FAULTS, NO_FAULTS, USUAL_FAULTS } from "./plant.ts";
import type { Stage } from "./stage.ts";

/** An act of the demo's story. */
export interface Act {
  readonly title: string;
  readonly happens: string;
  /** Where it can be seen on the dashboard. */
  readonly look: string;
  readonly proves: string;
  /** Plays it, and says what came of it. When the signal fires, it ends early. */
  play(stage: Stage, signal: AbortSignal): Promise<string>;
}

const POLL_MS = 200;
/** The part of its act for which the sink is away. */
const AWAY_SHARE = 0.6;

const DATA_FLOWS: Act = {
  title: "data flows",
  happens: "Sensors publish on the bus and a gateway pushes lines. The handler aggregates both into windows.",
  look: "Overview: from the sources through windows and outbox into the sink. Series: each one as a chart.",
  proves: "One pass over the events gives several functions, in windows of several lengths.",
  async play({ look, plant, actMs }, signal) {
    plant.faults = NO_FAULTS;
    const before = look().counts;
    await systemClock.sleep(actMs, signal);
    const { counts, openWindows } = look();
    return `${amount(counts.received - before.received, "event was", "events were")} received, ${
      grouped(counts.aggregated - before.aggregated)
    } aggregated. ${amount(openWindows, "window is", "windows are")} open; the sink has what is closed.`;
  },
};

const LATE_AND_GARBAGE: Act = {
  title: "devices send late data and garbage",
  happens: "Some had no network and send what is up to 15 s old. Others send text, or their clock is wrong.",
  look: "Dead letters: what was refused, why, with an example. Series: windows that were corrected.",
  proves: "A late event corrects its window. One that is refused is kept, and costs no other event anything.",
  async play({ correction, look, plant, actMs }, signal) {
    plant.faults = MANY_FAULTS;
    const before = look().counts;
    await systemClock.sleep(actMs, signal);
    plant.faults = USUAL_FAULTS;
    const { counts } = look();
    const seen = correction();
    return `${
      grouped(counts.lateArrivals - before.lateArrivals)
    } events came after their window had closed ` +
      `and were counted; ${grouped(refusedIn(counts) - refusedIn(before))} were refused and kept.${
        seen === undefined ? "" : `\n${seen}`
      }`;
  },
};

const SINK_AWAY: Act = {
  title: "a sink goes away and comes back",
  happens: "Another program locks the file of the sink. The handler goes on; its aggregates wait on disk.",
  look: "Overview: the sink fails within seconds and the outbox fills. Alarms: what to do about it.",
  proves: "Nothing is lost or sent twice, and nobody has to do anything when the sink is back.",
  async play({ look, sinkPath, actMs }, signal) {
    const startedMs = performance.now();
    let waiting = 0;
    {
      using locked = await LockedSink.lock(sinkPath, signal);
      if (locked === undefined) return ENDED_EARLY;
      await systemClock.sleep(actMs * AWAY_SHARE, signal);
      // Windows close at their own time: something has to wait before the sink may come back.
      while (look().outboxRows === 0 && !signal.aborted) await systemClock.sleep(POLL_MS, signal);
      waiting = look().outboxRows;
    }
    const backMs = performance.now();
    while (look().outboxRows > 0 && !signal.aborted) await systemClock.sleep(POLL_MS, signal);
    if (signal.aborted) return ENDED_EARLY;
    return `The sink was away for ${seconds(backMs - startedMs)}; ${amount(waiting, "aggregate")} waited. ` +
      `The outbox was empty again ${seconds(performance.now() - backMs)} after it came back.`;
  },
};

const KILLED: Act = {
  title: "kill -9, and a restart",
  happens: "The handler is killed in the middle of its work, as by a power cut, and started again.",
  look: "The page says that it has lost the handler, and goes on by itself when there is a new one.",
  proves: "It goes on at its last checkpoint. The bus gives the rest again, and nothing counts twice.",
  async play({ handler, look, plant, actMs }, signal) {
    const startedMs = performance.now();
    await handler.up(signal);
    const killed = handler.pid;
    if (killed === undefined) return ENDED_EARLY;
    await handler.kill();
    const publishedBefore = plant.published;
    await handler.up(signal);
    const missed = plant.published - publishedBefore;
    // What was published before the kill and is in no checkpoint comes first.
    const { receivedOnceRead } = plant;
    while (look().counts.received < receivedOnceRead && !signal.aborted) {
      await systemClock.sleep(POLL_MS, signal);
    }
    if (signal.aborted) return ENDED_EARLY;
    await systemClock.sleep(Math.max(0, actMs - (performance.now() - startedMs)), signal);
    return `Process ${killed} was killed, process ${handler.pid} has gone on. ${
      amount(missed, "event")
    } came while there was none, and have been read since.`;
  },
};

/** The story, in its order. */
export const ACTS: readonly Act[] = [DATA_FLOWS, LATE_AND_GARBAGE, SINK_AWAY, KILLED];

const ENDED_EARLY = "The demo was ended before this act was over.";

function grouped(count: number): string {
  return count.toLocaleString("en");
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
