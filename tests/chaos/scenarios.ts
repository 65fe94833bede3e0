import { badRows } from "./bad_rows.ts";
import { brokers } from "./brokers.ts";
import { eventBuses } from "./event_buses.ts";
import { frozen } from "./frozen.ts";
import { fullDisk } from "./full_disk.ts";
import { instances } from "./instances.ts";
import { kafkaBus } from "./kafka_bus.ts";
import { losses } from "./losses.ts";
import { restored } from "./restored.ts";
import type { Scenario } from "./scenario.ts";
import { storm } from "./storm.ts";
import { twin } from "./twin.ts";
import { wrongClock } from "./wrong_clock.ts";

/** All fault scenarios. */
export const SCENARIOS: readonly Scenario[] = [
  storm,
  fullDisk,
  twin,
  frozen,
  wrongClock,
  restored,
  losses,
  badRows,
  kafkaBus,
  brokers,
  instances,
  ...eventBuses,
];
