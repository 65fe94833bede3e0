import assert from "node:assert/strict";
import { Buffer } from "node:buffer";

/** For many bytes: `assert.deepEqual` lists each one that differs, which has taken 20 GB for a package. */
export function assertSameBytes(got: Uint8Array, wanted: Uint8Array, what: string): void {
  const sizes = `${got.length} and ${wanted.length} bytes`;
  assert.ok(Buffer.compare(got, wanted) === 0, `${what} has other bytes (${sizes})`);
}
