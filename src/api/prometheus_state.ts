import { ALARMS, alarmsOf, CAUSES, causesOf } from "../runtime/readiness.ts";
import { COMMIT, VERSION } from "../version.ts";
import { common, counter, type Family, flag, gauge, type Sample } from "./prometheus_family.ts";

/** The program, whether it is ready, and what it keeps. */
export const STATE_METRICS: readonly Family[] = [
  gauge(
    "build_info",
    "Version and commit of the program; always 1.",
    ["version", "commit"],
    () => [[[VERSION, COMMIT], 1]],
  ),
  gauge(
    "ready",
    "1 if events go in and aggregates out, as /readyz says.",
    (overview) => flag(causesOf(overview).length === 0),
  ),
  gauge(
    "not_ready",
    "How many times there is each cause for not being ready, such as once for each bus that cannot be read.",
    ["cause"],
    (overview) => counts(CAUSES, causesOf(overview)),
  ),
  gauge(
    "alarms",
    "Alarms that stand, as /readyz and status have them.",
    ["alarm"],
    (overview) => counts(ALARMS, alarmsOf(overview)),
  ),
  gauge(
    "clock_doubted",
    "1 if a bus, the state or the program speaks against this host's clock.",
    ({ clockDoubt }) => flag(clockDoubt !== undefined),
  ),
  gauge(
    "dead_letters",
    "Dead letters that are kept, by reason.",
    ["reason"],
    ({ deadLetters }) => [...deadLetters?.byReason ?? []].map(([reason, kept]) => [[reason], kept] as const),
  ),
  gauge(
    "dead_letters_bounded",
    "Dead letters that the bound counts: all but those of aggregates that a sink refused.",
    ({ deadLetters }) => deadLetters?.bounded.deadLetters,
  ),
  gauge(
    "dead_letters_max",
    "The bound of dead letters. The oldest ones beyond it are dropped.",
    ({ deadLetters }) => deadLetters?.bound.deadLetters,
  ),
  gauge(
    "dead_letters_bytes",
    "Raw events in the dead letters that the bound counts.",
    ({ deadLetters }) => deadLetters?.bounded.bytes,
  ),
  gauge(
    "dead_letters_max_bytes",
    "The bound of raw events in dead letters.",
    ({ deadLetters }) => deadLetters?.bound.bytes,
  ),
  counter(
    "dead_letters_dropped_total",
    "Dead letters dropped, oldest first, to keep within their bound.",
    ({ activity }) => activity.counts.deadLettersDropped,
  ),
  gauge("state_bytes", "Size of the state database.", ({ stateBytes }) => stateBytes),
  gauge(
    "state_disk_free_bytes",
    "What may still be written to the file system of STATE_DIR.",
    ({ machine }) => machine?.disk?.freeBytes,
  ),
  gauge(
    "state_disk_size_bytes",
    "Size of the file system of STATE_DIR.",
    ({ machine }) => machine?.disk?.sizeBytes,
  ),
  gauge(
    "last_checkpoint_timestamp_seconds",
    "When the last checkpoint was made; absent before the first one.",
    ({ checkpointMs }) => checkpointMs === undefined ? undefined : checkpointMs / 1000,
  ),
  gauge(
    "certificate_remaining_seconds",
    "The time until the certificates end to be valid that settings name; less than 0: since when they have.",
    ["setting"],
    ({ certificates, nowMs }) =>
      certificates.map(({ endMs, setting }): Sample => [[setting], (endMs - nowMs) / 1000]),
  ),
  counter(
    "metric_sends_total",
    "Sends of the handler's own metrics to a bus.",
    ["outcome"],
    ({ activity: { sends } }) => [[["done"], sends.done], [["failed"], sends.failed]],
  ),
  common(counter(
    "process_cpu_seconds_total",
    "Processor time, user and system.",
    ({ machine }) => machine?.cpuSeconds,
  )),
  common(gauge(
    "process_resident_memory_bytes",
    "Memory that the process has in use.",
    ({ machine }) => machine?.residentBytes,
  )),
  common(gauge(
    "process_start_time_seconds",
    "When the process was started.",
    ({ machine }) => machine && machine.startedMs / 1000,
  )),
];

function counts(names: readonly string[], found: readonly { readonly name: string }[]): Sample[] {
  return names.map((name) => [[name], found.filter((finding) => finding.name === name).length]);
}
