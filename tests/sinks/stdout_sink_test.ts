import { StdoutSink } from "../../src/sinks/stdout_sink.ts";
import { rowOf } from "../e2e/topic.ts";
import { highestRevisions, type SinkPlace, testSinkContract } from "./sink_contract.ts";

/** Takes a few bytes at a time, as a pipe may. */
const MOST_BYTES_AT_ONCE = 100_003;

function createPlace(): Promise<SinkPlace> {
  const decoder = new TextDecoder();
  let text = "";
  const write = (bytes: Uint8Array) => {
    const taken = bytes.subarray(0, MOST_BYTES_AT_ONCE);
    text += decoder.decode(taken, { stream: true });
    return Promise.resolve(taken.length);
  };
  return Promise.resolve({
    createSink: (instance) => new StdoutSink({ write, instance }),
    read(instance) {
      const rows = text.split("\n").slice(0, -1).map(rowOf).filter((row) => row.instance === instance);
      return Promise.resolve(highestRevisions(rows.map(({ instance: _, ...aggregate }) => aggregate)));
    },
    remove: () => Promise.resolve(),
  });
}

Deno.test("StdoutSink keeps the contract of sinks", (t) => testSinkContract(t, createPlace));
