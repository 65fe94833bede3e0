import assert from "node:assert/strict";
import { WireReader } from "../../../src/platform/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/platform/kafka/wire_writer.ts";
import { readAddress } from "../../../src/sources/kafka/metadata_request.ts";

/** The reader of an address as a broker sends it. */
function said(host: string, port: number): WireReader {
  return new WireReader(new WireWriter(false).string(host).int32(port).written, false);
}

for (
  const [host, port] of [["broker-1.plant.example", 9092], ["10.0.0.7", 1], ["::1", 65_535], [
    "b",
    9092,
  ]] as const
) {
  Deno.test(`a broker may be at ${host}, port ${port}`, () => {
    assert.deepEqual(readAddress(said(host, port)), { host, port });
  });
}

for (
  const [host, port] of [["broker", 0], ["broker", -1], ["broker", 65_536], ["", 9092], [
    "a b",
    9092,
  ]] as const
) {
  Deno.test(`a broker cannot be at ${JSON.stringify(host)}, port ${port}, and what to set is said`, () => {
    assert.throws(() => readAddress(said(host, port)), /names a broker at .*set its advertised\.listeners/);
  });
}
