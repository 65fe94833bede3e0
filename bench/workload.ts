import { randomNumbers } from "../tests/support/event_stream.ts";

/** Events of a plant as a file, one JSON object per line, nearly in the order of their times. */
export interface Workload {
  readonly path: string;
  readonly eventCount: number;
  readonly nameCount: number;
  readonly bytes: number;
}

export const WINDOW_SECONDS = 60;
/** Where nothing else is asked for. */
export const WINDOW_COUNT = 6;
const JITTER_MS = 1000;
const LATE_MS = 2 * WINDOW_SECONDS * 1000;
const FUNCTIONS = ["sum", "avg", "min", "max"];
const CHUNK_CHARACTERS = 4_000_000;

export interface WorkloadOptions {
  readonly eventCount: number;
  readonly nameCount: number;
  /** Default: {@link WINDOW_COUNT}. */
  readonly windowCount?: number;
  /** Whether each event has three labels, always the same ones for a name. */
  readonly areLabelled?: boolean;
  /** Whether each event has an id of its own. */
  readonly haveIds?: boolean;
  /** The share of events that come two windows late. Default: 0. */
  readonly lateShare?: number;
}

/** Writes the file: events over windows that ended a while ago. */
export async function writeWorkload(
  path: string,
  {
    areLabelled = false,
    eventCount,
    haveIds = false,
    lateShare = 0,
    nameCount,
    windowCount = WINDOW_COUNT,
  }: WorkloadOptions,
): Promise<Workload> {
  const random = randomNumbers(nameCount);
  const spanMs = windowCount * WINDOW_SECONDS * 1000;
  const baseMs = Math.floor((Date.now() - 2 * spanMs) / 60_000) * 60_000;
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const writer = file.writable.getWriter();
  const encoder = new TextEncoder();
  let bytes = 0;
  let chunk = "";
  for (let i = 0; i < eventCount; i++) {
    const name = Math.floor(random() * nameCount);
    const timeMs = Math.round(
      baseMs + JITTER_MS + (spanMs - 2 * JITTER_MS) * (i / eventCount) +
        (random() * 2 - 1) * JITTER_MS,
    ) - (lateShare > 0 && random() < lateShare ? LATE_MS : 0);
    chunk +=
      `{"name":"plant.line${name % 20}.sensor${name}.temperature","value":${(random() * 100).toFixed(3)},` +
      `"timestamp":${(timeMs / 1000).toFixed(3)},"agg_func":"${FUNCTIONS[name % FUNCTIONS.length]}"${
        areLabelled ? labelsOf(name) : ""
      }${haveIds ? `,"id":"event-${i}"` : ""}}\n`;
    if (chunk.length < CHUNK_CHARACTERS && i < eventCount - 1) continue;
    const encoded = encoder.encode(chunk);
    bytes += encoded.length;
    await writer.write(encoded);
    chunk = "";
  }
  await writer.close();
  return { path, eventCount, nameCount, bytes };
}

function labelsOf(name: number): string {
  return `,"labels":{"line":"${name % 20}","machine":"press-${name % 50}","site":"north"}`;
}

/** The file's lines as JSON arrays of at most `batchSize` events. */
export async function* workloadBatches(workload: Workload, batchSize: number): AsyncGenerator<string> {
  using file = await Deno.open(workload.path);
  let rest = "";
  let lines: string[] = [];
  for await (const text of file.readable.pipeThrough(new TextDecoderStream())) {
    const pieces = (rest + text).split("\n");
    rest = pieces.pop()!;
    for (const piece of pieces) {
      lines.push(piece);
      if (lines.length < batchSize) continue;
      yield `[${lines.join(",")}]`;
      lines = [];
    }
  }
  if (lines.length > 0) yield `[${lines.join(",")}]`;
}
