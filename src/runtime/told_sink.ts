import type { ReadBack } from "../contract/read_back.ts";
import type { Sink, SinkContext } from "../contract/sink.ts";
import { type Naming, told } from "./told.ts";

/**
 * A sink whose messages use the operator's names of its settings and have no secrets. The sink itself knows
 * the names of its kind, and a server may repeat the password that it was sent. Its log lines do not come
 * through here: it gets its logger from {@link toldLogger}.
 */
export function toldSink(sink: Sink, named: Naming): Sink {
  const { readBack } = sink;
  return told(sink, named, {
    open: (context, signal) => {
      const alarm: SinkContext["alarm"] = (alarm) => context.alarm({ ...alarm, detail: named(alarm.detail) });
      return sink.open({ ...context, alarm }, signal);
    },
    probe: async (signal) => named(await sink.probe(signal)),
    ...(readBack !== undefined && { readBack: toldReadBack(readBack, named) }),
  });
}

function toldReadBack(readBack: ReadBack, named: Naming): ReadBack {
  if (readBack.flaws === undefined) return told(readBack, named);
  const flaws: ReadBack["flaws"] = async (...asked) => {
    const found = await readBack.flaws!(...asked);
    return (function* () {
      for (const flaw of found) yield named(flaw);
    })();
  };
  return told(readBack, named, { flaws });
}
