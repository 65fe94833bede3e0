/** The test program in a self-extracting executable, and caches to unpack it into. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const BUILD = join(dirname(dirname(HERE)), "scripts", "build.ts");
export const NAME = "vabus-data-handler";

/** More than a first read of a file takes, so that a file is changed and cut in its middle. */
const SMALL_RUNTIME_BYTES = 100_000;

/** The variables that say where an executable unpacks itself. */
export type Cache = { XDG_CACHE_HOME: string; TMPDIR: string };

export interface Result {
  readonly code: number;
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Leaving its scope removes the executables and all caches. */
export class PackedProgram implements AsyncDisposable {
  readonly executable: string;
  /**
   * The same with a runtime that is a script: for what the launcher does with files, whatever these hold. To
   * unpack Deno costs a second of computing each time.
   */
  readonly smallExecutable: string;
  private used: Promise<Cache> | undefined;

  private constructor(readonly directory: string) {
    this.executable = join(directory, NAME);
    this.smallExecutable = join(directory, `${NAME}-small`);
  }

  static async build(): Promise<PackedProgram> {
    const packed = new PackedProgram(await Deno.makeTempDir({ prefix: "vabus-build-test-" }));
    const runtime = join(packed.directory, "runtime");
    const script = `#!/bin/sh\nexec '${Deno.execPath()}' "$@"\n`;
    await Deno.writeTextFile(runtime, script.padEnd(SMALL_RUNTIME_BYTES, "#\n"));
    const { executable, smallExecutable } = packed;
    for (const args of [["--output", executable], ["--output", smallExecutable, "--runtime", runtime]]) {
      const { success, stderr } = await buildProgram(["--form", "self-extracting", ...args]);
      assert.ok(success, stderr);
    }
    return packed;
  }

  command(env: Record<string, string>, args: string[], file = this.executable): Deno.Command {
    return new Deno.Command(file, {
      args,
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH")!, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  async start(env: Record<string, string>, args: string[], file = this.executable): Promise<Result> {
    return resultOf(await this.command(env, args, file).output());
  }

  /** Empty directories to unpack to. */
  async freshCache(): Promise<Cache> {
    const root = await Deno.makeTempDir({ dir: this.directory });
    const cache = { XDG_CACHE_HOME: join(root, "cache"), TMPDIR: join(root, "tmp") };
    for (const path of Object.values(cache)) await Deno.mkdir(path);
    return cache;
  }

  /**
   * For what begins when all is unpacked: one for all of these tests, as to unpack takes longer than they do.
   */
  usedCache(): Promise<Cache> {
    return this.used ??= (async () => {
      const cache = await this.freshCache();
      await this.start(cache, ["echo"]);
      return cache;
    })();
  }

  /** For what spoils it. */
  async ownUsedCache(): Promise<Cache> {
    const cache = await this.freshCache();
    assert.equal((await this.start(cache, ["echo"], this.smallExecutable)).code, 7);
    return cache;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Builds the test program. @param args Of the build script. */
export async function buildProgram(args: string[]): Promise<Result> {
  const entry = join(HERE, "program", "main.ts");
  return resultOf(
    await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--quiet", BUILD, "--entry", entry, ...args],
      stdin: "null",
    }).output(),
  );
}

/** The directory, named by its content, that the first start made in the cache. */
export async function unpackedIn(cache: Cache): Promise<string> {
  const base = join(cache.XDG_CACHE_HOME, NAME);
  const [content] = await namesIn(base);
  return join(base, content!);
}

export async function namesIn(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
}

export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function resultOf({ code, success, stdout, stderr }: Deno.CommandOutput): Result {
  return { code, success, stdout: decode(stdout), stderr: decode(stderr) };
}
