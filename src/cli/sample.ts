import { readSample, type SampleEvent } from "../control/sample.ts";
import { reasonOf } from "../platform/log/denial.ts";
import { printable } from "../platform/log/printable.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";

const SHOWN_CHARACTERS = 200;

/** Prints what each record of a file becomes, for each way that buses are read. Reaches nothing. */
export function sample({ config, write }: CommandContext, path: string): ExitCode {
  const bytes = contentOf(path);
  const ways = Map.groupBy(config.sources, ({ events }) => JSON.stringify(events));
  let areAllTaken = true;
  for (const sources of ways.values()) {
    write(`Records of ${sources.map(({ address }) => address).join(", ")} become:\n`);
    for (const { number, events } of readSample(bytes, sources[0]!.events, config, Date.now())) {
      if (events.length === 0) write(`${String(number).padStart(6)}  no event\n`);
      for (const event of events) write(`${String(number).padStart(6)}  ${printable(lineOf(event))}\n`);
      areAllTaken &&= events.every(({ refusal }) => refusal === undefined);
    }
  }
  return areAllTaken ? EXIT.done : EXIT.failed;
}

function lineOf(event: SampleEvent): string {
  if ("raw" in event) return `REFUSED as ${event.refusal}: ${shortened(event.raw)}`;
  const { name, labels = "", value, isRounded, timeMs, id, functions, refusal } = event;
  const parts = [
    `${JSON.stringify(name)}${labels}`,
    `value ${value}${isRounded ? " (rounded: a whole number beyond 2^53)" : ""}`,
    `at ${moment(timeMs)}`,
    ...(id === undefined ? [] : [`id ${JSON.stringify(id)}`]),
    functions.length === 0 ? "dropped by AGG_FUNCTIONS" : functions.join(","),
  ];
  return `${refusal === undefined ? "" : `REFUSED as ${refusal}: `}${parts.join("  ")}`;
}

function moment(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms / 1000}` : date.toISOString();
}

function shortened(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

function contentOf(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw new CommandError(
      EXIT.usage,
      `--sample ${path}: the file cannot be read (${
        reasonOf(error)
      }). Name a file of records that you may read.`,
    );
  }
}
