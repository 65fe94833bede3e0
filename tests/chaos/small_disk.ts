const SIZE = "64m";
const PIECE = new Uint8Array(64 * 1024);
/** What a file system in memory counts in. */
const PAGE = new Uint8Array(4096);

/** A file system that can be filled to the last page, for the time of a test. */
export class SmallDisk implements AsyncDisposable {
  private readonly ballast: string;

  private constructor(private readonly directory: string) {
    this.ballast = `${directory}/ballast`;
  }

  /** Undefined: file systems can be mounted here. Else why they cannot. */
  static obstacle(): string | undefined {
    const directory = Deno.makeTempDirSync({ prefix: "vabus-chaos-" });
    try {
      run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory);
      run("umount", directory);
      return undefined;
    } catch (error) {
      return `no file system can be mounted here: ${(error as Error).message}`;
    } finally {
      Deno.removeSync(directory);
    }
  }

  /** @throws when it cannot be mounted; see {@link obstacle}. */
  static mount(directory: string): SmallDisk {
    run("mount", "-t", "tmpfs", "-o", `size=${SIZE}`, "tmpfs", directory);
    return new SmallDisk(directory);
  }

  /** Fills all free space, and keeps filling it until {@link free}. */
  fill(): void {
    using file = Deno.openSync(this.ballast, { create: true, append: true });
    for (const piece of [PIECE, PAGE]) {
      try {
        for (;;) file.writeSync(piece);
      } catch (error) {
        if (!/No space left|storage full/i.test(String(error))) throw error;
      }
    }
  }

  free(): void {
    Deno.removeSync(this.ballast);
  }

  [Symbol.asyncDispose](): Promise<void> {
    // Whoever still has a file open on it keeps it a while, but not its name.
    run("umount", "--lazy", this.directory);
    return Promise.resolve();
  }
}

function run(command: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(command, { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}
