/** A broker that is told what it answers, and the forms of messages as Kafka's documents have them. */
import { Buffer } from "node:buffer";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { WireReader } from "../../../src/platform/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/platform/kafka/wire_writer.ts";

/** The key of the request that a connection begins with. */
export const API_VERSIONS = 18;

type Primitive = "int8" | "int16" | "int32" | "int64" | "boolean" | "string" | "uuid" | "block";
/** The fields of a structure in their order; an array of structures or of numbers in brackets. */
export interface Form {
  readonly [field: string]: Primitive | readonly [Form] | readonly ["int32"];
}

/** Reads a structure. Nothing may follow it where it is the whole of a message. */
export function decoded(reader: WireReader, form: Form): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [field, type] of Object.entries(form)) {
    if (typeof type === "string") found[field] = reader[type]();
    else found[field] = reader.array(() => type[0] === "int32" ? reader.int32() : decoded(reader, type[0]));
  }
  reader.end();
  return found;
}

/** Writes a structure. */
export function encoded(
  writer: WireWriter,
  form: Form,
  values: Readonly<Record<string, unknown>>,
): WireWriter {
  for (const [field, type] of Object.entries(form)) {
    const value = values[field];
    if (typeof type === "string") (writer[type] as (value: unknown) => unknown).call(writer, value);
    else {
      writer.array(value as Record<string, unknown>[], (item) => {
        if (type[0] === "int32") writer.int32(item as unknown as number);
        else encoded(writer, type[0], item);
      });
    }
  }
  return writer.end();
}

export interface Request {
  readonly key: number;
  readonly version: number;
  readonly id: number;
  readonly client: string | undefined;
  /** What follows the head. */
  readonly body: Uint8Array;
  /** Sends bytes as they are. */
  readonly send: (bytes: Uint8Array) => void;
  /** Sends an answer with this body. */
  readonly answer: (body: Uint8Array) => void;
  /** Closes the connection. */
  readonly end: () => void;
}

/** An answer as it goes over the wire. */
export function framed(id: number, body: Uint8Array): Buffer {
  return Buffer.concat([new WireWriter(false).int32(4 + body.length).int32(id).written, body]);
}

/** What a broker says of its versions: the greatest by the key of the request. */
export function versionsAnswer(
  versions: readonly (readonly [key: number, version: number])[],
  error = 0,
): Uint8Array {
  const writer = new WireWriter(false).int16(error);
  return writer.array(versions, ([key, version]) => writer.int16(key).int16(0).int16(version)).written;
}

/** A broker whose answers are made by a test. */
export class ScriptedBroker implements AsyncDisposable {
  readonly requests: Request[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server, private readonly script: (request: Request) => void) {}

  static async start(script: (request: Request) => void): Promise<ScriptedBroker> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const broker = new ScriptedBroker(server, script);
    server.on("connection", (socket) => broker.serve(socket));
    return broker;
  }

  get address() {
    return { host: "127.0.0.1", port: (this.server.address() as AddressInfo).port };
  }

  get connectionCount(): number {
    return this.sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket)).on("error", () => {});
    let received = Buffer.alloc(0);
    socket.on("data", (piece: Buffer) => {
      received = Buffer.concat([received, piece]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const size = received.readInt32BE(0);
        this.received(received.subarray(4, 4 + size), socket);
        received = received.subarray(4 + size);
      }
    });
  }

  private received(bytes: Uint8Array, socket: Socket): void {
    const reader = new WireReader(bytes, false);
    const [key, version, id, client] = [reader.int16(), reader.int16(), reader.int32(), reader.string()];
    const send = (bytes: Uint8Array) => void socket.write(bytes);
    const request: Request = {
      key,
      version,
      id,
      client,
      body: bytes.subarray(10 + (client ?? "").length),
      send,
      answer: (body) => send(framed(id, body)),
      end: () => void socket.end(),
    };
    this.requests.push(request);
    this.script(request);
  }
}
