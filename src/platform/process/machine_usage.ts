import { statfsSync } from "node:fs";
import process from "node:process";

/** What the process has used of the machine, and what is left. */
export interface MachineUsage {
  /** Processor time since the start, user and system. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Unix ms. */
  readonly startedMs: number;
  /** The file system of a directory; undefined: it cannot be asked. */
  readonly disk: DiskSpace | undefined;
}

export interface DiskSpace {
  /** What the process may still write. */
  readonly freeBytes: number;
  readonly sizeBytes: number;
}

/** @param directory Its file system is measured. */
export function machineUsage(directory: string): MachineUsage {
  const { system, user } = process.cpuUsage();
  return {
    cpuSeconds: (system + user) / 1_000_000,
    residentBytes: Deno.memoryUsage().rss,
    startedMs: performance.timeOrigin,
    disk: diskSpace(directory),
  };
}

function diskSpace(directory: string): DiskSpace | undefined {
  try {
    const { bavail, blocks, bsize } = statfsSync(directory);
    return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
  } catch {
    return undefined;
  }
}
