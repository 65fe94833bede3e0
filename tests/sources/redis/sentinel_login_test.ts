/** Sentinels that ask for the login of the server, and those that do not. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { RedisServer } from "../../../src/sources/redis/redis_server.ts";

const NEVER = new AbortController().signal;
const LOGIN = { username: undefined, password: "s3cret" };
const MASTER = "*1\r\n$6\r\nmaster\r\n";
const COMMAND = /^\*\d+\r\n\$\d+\r\n(\w+)\r\n(?:\$\d+\r\n[^\r]*\r\n)*/;

/** The commands that a server gets which is Sentinel and master in one. */
async function commandsOf(login: typeof LOGIN | undefined, asksForLogin: boolean): Promise<string[]> {
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let [rest, isIn] = ["", !asksForLogin];
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      rest += bytes.toString();
      for (let found; (found = COMMAND.exec(rest)) !== null;) {
        rest = rest.slice(found[0].length);
        const command = found[1]!;
        commands.push(command);
        if (command === "AUTH") isIn = true;
        socket.write(isIn ? answerTo(command) : "-NOAUTH Authentication required.\r\n");
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const answerTo = (command: string) => {
    if (command === "SENTINEL") return `*2\r\n$9\r\n127.0.0.1\r\n$${`${port}`.length}\r\n${port}\r\n`;
    return command === "ROLE" ? MASTER : "+OK\r\n";
  };
  const endpoint = { kind: "sentinel", sentinels: [{ host: "127.0.0.1", port }], master: "plant" } as const;
  const access = { tls: undefined, login, database: 0 };
  try {
    (await new RedisServer(endpoint, access, systemClock).connect(NEVER)).close();
    return commands;
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

Deno.test("a Sentinel gets the login of the server where it asks for one, and only there", async () => {
  assert.deepEqual(await commandsOf(undefined, false), ["SENTINEL", "ROLE"]);
  assert.deepEqual(await commandsOf(LOGIN, false), ["PING", "SENTINEL", "AUTH", "ROLE"]);
  assert.deepEqual(await commandsOf(LOGIN, true), ["PING", "AUTH", "SENTINEL", "AUTH", "ROLE"]);
  await assert.rejects(commandsOf(undefined, true), /NOAUTH/);
});
