/** The one command that plays a seed again and tells all that happens in it. */
export function replayCommand(seed: number): string {
  return `make sim ARGS="--bus vabus --seed ${seed} --verbose"`;
}

const MEMORY_FILE_SYSTEM = "/dev/shm";

/**
 * A new directory for states; in memory where the system has a file system there, since thousands are
 * written.
 */
export function simulationDirectory(): string {
  const prefix = "vabus-sim-";
  try {
    return Deno.makeTempDirSync({ dir: MEMORY_FILE_SYSTEM, prefix });
  } catch {
    return Deno.makeTempDirSync({ prefix });
  }
}

/** Gives the work a directory for simulated disks, and deletes it afterwards. */
export async function inSimulationDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = simulationDirectory();
  try {
    await work(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}
