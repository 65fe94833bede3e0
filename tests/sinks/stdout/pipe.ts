import { StdoutSink } from "../../../src/sinks/stdout/stdout_sink.ts";
import { highestRevisions, type SinkBackend } from "../../contract/sink_samples.ts";
import { rowOf } from "../../e2e/topic.ts";

/** No divisor of anything here, so that characters and lines are cut anywhere. */
const MOST_BYTES_AT_ONCE = 100_003;

/** Takes some bytes at a time, as a pipe does; `beforeWrite` decides when, and whether at all. */
export class Pipe {
  text = "";
  private readonly decoder = new TextDecoder();

  constructor(
    private readonly mostBytes: number,
    private readonly beforeWrite: () => Promise<void> = () => Promise.resolve(),
  ) {}

  readonly write = async (bytes: Uint8Array): Promise<number> => {
    await this.beforeWrite();
    const taken = bytes.subarray(0, this.mostBytes);
    this.text += this.decoder.decode(taken, { stream: true });
    return taken.length;
  };
}

/** What reads a pipe, and keeps one row of each revision. */
export function createPipeBackend(): SinkBackend {
  const pipe = new Pipe(MOST_BYTES_AT_ONCE);
  return {
    createSink: (instance) => new StdoutSink({ id: "stdout", write: pipe.write, instance }),
    read(instance) {
      const rows = pipe.text.split("\n").slice(0, -1).map(rowOf).filter((row) => row.instance === instance);
      return Promise.resolve(highestRevisions(rows.map(({ instance: _, ...aggregate }) => aggregate)));
    },
    remove: () => Promise.resolve(),
  };
}
