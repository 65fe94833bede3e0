import { type AnyCommand, command } from "./command.ts";
import { duration, integer } from "../settings/value_type.ts";
import { actNumbers } from "./act_numbers.ts";
import { single, singleOr } from "./option.ts";
import { DEMO_DEFAULTS, DEMO_ENVIRONMENT_HELP, DEMO_VARIABLES, demoConfig } from "./demo_config.ts";
import type { Registry } from "../runtime/registry.ts";

export function demoCommand(registry: Registry): AnyCommand {
  return command({
    name: "demo",
    summary: "embedded bus, generated events, SQLite sink: no set-up, nothing outside",
    details:
      "Begins with the address of its dashboard, and plays four acts: data flows; devices send late data " +
      "and garbage; a sink goes away and comes back; the handler, a process of its own, is killed and " +
      "started again. Then events go on until it is stopped. Keeps its state and its bus's log in a " +
      "temporary directory, which it deletes at its end. With --state-dir both stay: kill it, start it " +
      "again, and it goes on with the numbers right. Ends with the proof of `verify`.",
    examples: [
      ["demo", "the story, and events until it is stopped"],
      ["demo --acts 4 --act-duration 60", "one act, at leisure"],
      ["demo --state-dir ~/vabus-demo", "to be killed with kill -9 and started again"],
      ["demo --acts none --events-per-second 50000 --duration 30", "half a minute under load"],
    ],
    concerns: DEMO_VARIABLES,
    defaults: DEMO_DEFAULTS,
    environmentHelp: DEMO_ENVIRONMENT_HELP,
    options: {
      eventsPerSecond: singleOr(
        "--events-per-second",
        integer(1, 1_000_000),
        "1000",
        "events generated a second",
      ),
      names: singleOr("--names", integer(1, 1_000_000), "100", "different event names"),
      durationMs: single("--duration", duration(0.1, 86_400 * 366), "stop by itself after so many seconds"),
      acts: singleOr("--acts", actNumbers(), "1,2,3,4", "acts to play, in this order"),
      actMs: singleOr("--act-duration", duration(1, 86_400), "20", "how long an act lasts"),
    },
    configure: (sources) => demoConfig(sources, registry),
    run: async (context, options) => (await import("./demo.ts")).demo(context, options),
  });
}
