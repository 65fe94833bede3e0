/** The Deno of a self-extracting executable, compressed. */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { cacheDir } from "./cache.ts";

export const BEST_COMPRESSION = 9;

export interface PackedRuntime {
  packed: Uint8Array;
  /** Size of the unpacked program, bytes. */
  size: number;
  sha256: string;
}

/** The Deno at `path`, compressed. It is kept in the cache, since compressing takes ten seconds. */
export async function packedRuntime(path: string): Promise<PackedRuntime> {
  const bytes = await Deno.readFile(path);
  const hash = createHash("sha256").update(bytes).digest("hex");
  const file = join(cacheDir(), `deno-${Deno.version.deno}-${hash.slice(0, 16)}.gz`);
  try {
    return { packed: await Deno.readFile(file), size: bytes.length, sha256: hash };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const packed = gzipSync(bytes, { level: BEST_COMPRESSION });
  await Deno.mkdir(dirname(file), { recursive: true });
  const temporary = await Deno.makeTempFile({ dir: dirname(file), prefix: `${basename(file)}.` });
  try {
    using handle = await Deno.open(temporary, { write: true });
    for (let written = 0; written < packed.length;) written += await handle.write(packed.subarray(written));
    await handle.sync();
    await Deno.rename(temporary, file);
  } catch (error) {
    await Deno.remove(temporary);
    throw error;
  }
  return { packed, size: bytes.length, sha256: hash };
}
