/**
 * Makes a program slow at the moments for which others wait: when it starts, answers, opens a bus or a sink,
 * reads, writes or commits. Loading this module does it.
 */
import { Delivery } from "../../src/delivery/delivery.ts";
import { PartitionReader } from "../../src/ingest/partition_reader.ts";
import { SourceReader } from "../../src/ingest/source_reader.ts";
import { HttpListener } from "../../src/platform/http/http_listener.ts";
import { SealedStore } from "../../src/state/file/sealed_store.ts";

const START_MS = 1000;

type Work = (...args: unknown[]) => unknown;

/** A method, private ones among them, and how long it takes at most before it begins, and once it is done. */
interface Slowed {
  readonly of: { readonly prototype: object };
  readonly method: string;
  readonly maxMs: number;
}

/** Those that return promises. */
const SLOWED: readonly Slowed[] = [
  { of: SourceReader, method: "tryToOpen", maxMs: 1500 },
  { of: PartitionReader, method: "attempt", maxMs: 100 },
  { of: Delivery, method: "open", maxMs: 1500 },
  { of: Delivery, method: "write", maxMs: 200 },
  { of: HttpListener, method: "answer", maxMs: 250 },
];
const COMMIT_MAX_MS = 40;

function replace(of: Slowed["of"], method: string, slowed: (work: Work) => Work): void {
  const prototype = of.prototype as Record<string, Work>;
  const work = prototype[method];
  if (work === undefined) throw new Error(`There is no method ${method} to slow down any more.`);
  prototype[method] = slowed(work);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, milliseconds));
}

for (const { of, method, maxMs } of SLOWED) {
  replace(of, method, (work) =>
    async function (this: unknown, ...args) {
      await pause(Math.random() * maxMs);
      try {
        return await Reflect.apply(work, this, args);
      } finally {
        await pause(Math.random() * maxMs);
      }
    });
}

replace(SealedStore, "transaction", (work) =>
  function (this: unknown, ...args) {
    const result = Reflect.apply(work, this, args);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random() * COMMIT_MAX_MS);
    return result;
  });

await pause(START_MS);
