import Decoder from "kafkajs/src/protocol/decoder.js";

/** How kafkajs 2.2.4 reads arrays, and the length before each of them. */
const ARRAYS = {
  readArray: "readInt32",
  readArrayAsync: "readInt32",
  readVarIntArray: "readVarInt",
  readUVarIntArray: "readUVarInt",
} as const;

/**
 * kafkajs allocates as many elements as an answer announces. Each element takes a byte at least, so a greater
 * number is wrong.
 */
for (const [read, readLength] of Object.entries(ARRAYS)) {
  const original = Decoder.prototype[read];
  Decoder.prototype[read] = function (
    this: { buffer: Uint8Array; offset: number } & Record<string, () => number>,
    readElement: unknown,
  ) {
    const { buffer, offset } = this;
    if (this[readLength]!() - 1 > buffer.length - this.offset) {
      throw new Error("the broker's answer announces more elements than it has bytes");
    }
    this.offset = offset;
    return Reflect.apply(original, this, [readElement]);
  };
}
