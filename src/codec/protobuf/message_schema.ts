import { PushError } from "../push_error.ts";
import type { Span, WireReader } from "./wire_reader.ts";

/** How the value of a field is read, but for messages. */
type Scalar =
  | "text"
  | "bytes"
  | "bool"
  | "double"
  | "fixed64"
  | "sfixed64"
  | "uint64"
  | "uint32"
  | "sint32"
  | "int64digits";

/** A field that is read; others are passed over. */
export interface Field {
  /** Its name in protobuf's JSON. */
  readonly name: string;
  readonly is: Scalar | (() => MessageSchema);
  /** `late`: messages that are read when they are asked for, one after the other. */
  readonly isRepeated?: true | "late";
}

/** The fields of a message by their numbers. */
export type MessageSchema = Readonly<Record<number, Field>>;

/** Messages within messages. Only values of attributes can be so deep. */
const DEPTH_MAX = 40;
/** Messages, texts and numbers that are held at a time: each takes memory, however short it is. */
const PARTS_MAX = 200_000;

/** Repeated messages that are read as they are asked for, so that memory has one of them at a time. */
export class LateMessages implements Iterable<Record<string, unknown>> {
  /** @param read All of them, from the beginning on. */
  constructor(private readonly read: () => Generator<Record<string, unknown>>) {}

  [Symbol.iterator](): Generator<Record<string, unknown>> {
    return this.read();
  }
}

/**
 * Reads a message as protobuf's JSON would have it, with numbers for numbers and base64 for bytes. Messages
 * that are read late are {@link LateMessages}.
 */
export class MessageReader {
  private parts = 0;

  constructor(private readonly reader: WireReader) {}

  /** @throws {PushError} */
  read(schema: MessageSchema, depth = 0): Record<string, unknown> {
    const { reader } = this;
    const { span } = reader;
    const message: Record<string, unknown> = {};
    while (reader.next()) {
      const field = schema[reader.field];
      if (field === undefined) {
        reader.skip();
        continue;
      }
      const { name, is, isRepeated } = field;
      if (isRepeated === "late") {
        const { field: number } = reader;
        message[name] ??= new LateMessages(() => this.late(span, number, is, depth));
        reader.skip();
        continue;
      }
      if (isRepeated === undefined) {
        message[name] = this.value(is, depth);
        continue;
      }
      const values = (message[name] ??= []) as unknown[];
      const wire = is === "uint64" ? "varint" : is === "double" || is === "fixed64" ? "fixed64" : undefined;
      if (wire === undefined || !reader.isPacked) values.push(this.value(is, depth));
      else {
        const outer = reader.enterRun(wire);
        while (reader.hasMore) values.push(this.value(is, depth));
        reader.leave(outer);
      }
    }
    return message;
  }

  /** The messages of a field, of the message that a span is of. */
  private *late(
    { at, end }: Span,
    field: number,
    is: Field["is"],
    depth: number,
  ): Generator<Record<string, unknown>> {
    const { reader, parts } = this;
    for (let next = at;;) {
      reader.goTo({ at: next, end });
      let isThere = reader.next();
      for (; isThere && reader.field !== field; isThere = reader.next()) reader.skip();
      if (!isThere) return;
      const message = this.value(is, depth) as Record<string, unknown>;
      // Whoever gets it may read what is late in it, which moves the reader.
      next = reader.at;
      yield message;
      this.parts = parts;
    }
  }

  private value(is: Field["is"], depth: number): unknown {
    const { reader } = this;
    if (++this.parts > PARTS_MAX) {
      throw new PushError(413, `the body has more than ${PARTS_MAX} parts; send several requests`);
    }
    if (typeof is === "function") {
      if (depth >= DEPTH_MAX) throw reader.fault(`a message ${DEPTH_MAX} levels deep`, reader.at);
      const outer = reader.enter();
      const message = this.read(is(), depth + 1);
      reader.leave(outer);
      return message;
    }
    switch (is) {
      case "text": {
        const start = reader.at;
        const text = reader.text();
        if (text === undefined) throw reader.fault("a text that is not UTF-8", start);
        return text;
      }
      case "bytes":
        return reader.bytesOf().toBase64();
      case "bool":
        return reader.uint64() !== 0;
      case "int64digits":
        return reader.int64Digits();
      default:
        return reader[is]();
    }
  }
}
