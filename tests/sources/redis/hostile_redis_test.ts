/** Servers that answer what no Redis answers. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { SourceError } from "../../../src/contract/source.ts";
import { Reading } from "../../contract/source_reading.ts";
import { RedisStream } from "./redis_stream.ts";

const TIME = "*2\r\n$1\r\n1\r\n$1\r\n0\r\n";
const TOO_MUCH = "*1000000000\r\n";

/** Reads from a server with these answers, until a failure that asking for less cannot help against. */
async function failureAt(answer: (command: string) => string): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => socket.write(answer(bytes.toString())));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const source = RedisStream.at((server.address() as AddressInfo).port, "k").createSource();
  try {
    const reading = await Reading.open(source);
    for (let tries = 0; tries < 10; tries++) {
      try {
        await reading.read();
      } catch (error) {
        assert.ok(error instanceof SourceError, `${error}`);
        if (error.kind !== "smaller") return `${error.kind} ${error.message}`;
      }
    }
    return "smaller, for ever";
  } finally {
    await source.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

Deno.test("an answer that is too much is asked for in smaller parts, and then refused", async () => {
  const answer = (command: string) => command.includes("TIME") ? TIME : TOO_MUCH;
  assert.match(await failureAt(answer), /^garbage .*what Redis at \S+ answers /);
});

Deno.test("an answer that is too much, where less cannot be asked for, is refused at once", async () => {
  assert.match(await failureAt(() => TOO_MUCH), /^garbage .*what Redis at \S+ answers /);
});
