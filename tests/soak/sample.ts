/** What a process has and its files take at one moment. Bytes, but for the counts. */
export interface Sample {
  readonly seconds: number;
  readonly received: number;
  readonly resident: number;
  readonly busResident: number;
  readonly descriptors: number;
  readonly state: number;
  readonly stateLog: number;
  readonly sink: number;
  readonly sinkLog: number;
}

export type Measure = Exclude<keyof Sample, "seconds" | "received">;

/** Resident memory of a running process (Linux), bytes. */
export function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) * 1024;
}

/** Open descriptors of a running process (Linux). */
export function descriptorCount(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** 0 where there is no such file. */
export function fileBytes(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
