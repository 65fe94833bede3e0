/** Files to read in a directory of their own, and a source of them. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { SourceError } from "../../../src/contract/source.ts";
import type { Clock } from "../../../src/platform/clock/clock.ts";
import { FileSource } from "../../../src/sources/file/file_source.ts";

export const eventText = (number: number) => `{"name":"e${number}","value":${number},"timestamp":1000}\n`;
export const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => eventText(from + i)).join("");

/** Its time goes on with each sleep, unless it is stopped. */
export function quickClock(): Clock & { isStopped: boolean; sleepCount: number } {
  let nowMs = 0;
  return {
    isStopped: false,
    sleepCount: 0,
    nowMs: () => 1_000_000,
    monotonicMs: () => nowMs,
    sleep(ms) {
      this.sleepCount++;
      if (!this.isStopped) nowMs += ms;
      return new Promise((resolve) => setImmediate(resolve));
    },
  };
}

export async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-file-" });
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

export function source(
  pattern: string,
  settings: { isFollowed?: boolean; csv?: boolean; influx?: boolean } = {},
): FileSource {
  const { isFollowed = false, csv = false, influx = false } = settings;
  const texts = { name: undefined, value: undefined, timestamp: undefined, timeUnit: undefined };
  const format = csv ? "csv" : influx ? "influx" : undefined;
  const reader = readerFor({ format, ...texts });
  return new FileSource(`file://${pattern}`, pattern, { reader, isFollowed });
}

export async function errorOf(work: Promise<unknown>): Promise<SourceError> {
  const error = await work.then(() => undefined, (reason) => reason);
  assert.ok(error instanceof SourceError, `no SourceError: ${error}`);
  return error;
}

/** How often this process has files of a directory open, on Linux. */
export function openIn(directory: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(directory);
    } catch {
      return false;
    }
  }).length;
}
