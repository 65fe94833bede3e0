/** The resources of a running process by the kernel (Linux), all of its threads together. */
const CLOCK_TICKS_PER_SECOND = 100;

/** User and system time so far, seconds, in steps of a hundredth. */
export function cpuSeconds(pid: number): number {
  const [user, system] = times(pid);
  return (user! + system!) / CLOCK_TICKS_PER_SECOND;
}

/** The same, with the processes that it has started and that have ended. */
export function cpuSecondsWithEnded(pid: number): number {
  return times(pid).reduce((sum, ticks) => sum + ticks, 0) / CLOCK_TICKS_PER_SECOND;
}

/** User and system time, its own and that of children that have ended. */
function times(pid: number): number[] {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The second field is the program's name and may contain spaces; utime and stime are the 14th and 15th,
  // cutime and cstime the next two.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 15).map(Number);
}

/** Peak of the resident memory so far, bytes. */
export function peakResidentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) * 1024;
}
