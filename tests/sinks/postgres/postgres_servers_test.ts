/** The search among servers, where none of them is a PostgreSQL. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SinkError } from "../../../src/contract/sink.ts";
import { PostgresServers } from "../../../src/sinks/postgres/postgres_servers.ts";
import { QUIET } from "../../contract/sink_samples.ts";
import { freePort } from "../../support/free_port.ts";
import { HostileServer } from "../../support/hostile_server.ts";
import { postgresConnection } from "../../support/postgres_connection.ts";

function serversOf(hosts: string, parameters = "") {
  const connection = postgresConnection(`postgres://u@${hosts}/d?${parameters}`);
  return new PostgresServers(connection.hosts, {
    connection,
    answer: { maxBytes: 1000 },
    logger: QUIET,
    opened: () => {},
    notReplicated: () => {},
  });
}

async function failureOf(...ports: readonly number[]): Promise<SinkError> {
  const servers = serversOf(ports.map((port) => `127.0.0.1:${port}`).join(","), "sslmode=disable");
  try {
    await servers.open();
  } catch (error) {
    assert.ok(error instanceof SinkError, `${error}`);
    return error;
  } finally {
    await servers.close();
  }
  assert.fail("there is no server");
}

/** A web server, as far as the first words go. */
const webServer = () =>
  HostileServer.start(async (conversation) => {
    await conversation.listen();
    await conversation.say(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
  });

Deno.test("the search takes as long as all steps by all ways to all servers", () => {
  assert.equal(serversOf("a:1", "connect_timeout=2").openMaxMs, 20_000);
  const two = serversOf("a:1,b:2", "connect_timeout=3");
  assert.deepEqual([two.openMaxMs, two.addresses], [60_000, "a:1, b:2"]);
});

Deno.test("a failure of all servers passes by itself where that of one may", async () => {
  await using one = await webServer();
  await using other = await webServer();
  const gone = freePort();
  const alone = await failureOf(one.port);
  assert.equal(alone.kind, "misconfigured");
  assert.match(
    alone.message,
    /^PostgreSQL at 127\.0\.0\.1:\d+: what answers there speaks HTTP, not PostgreSQL/,
  );
  const all = await failureOf(one.port, other.port);
  assert.equal(all.kind, "misconfigured");
  assert.match(all.message, new RegExp(`^None of .* used\\. .*:${one.port}: what .*:${other.port}: what`));
  const some = await failureOf(one.port, gone);
  assert.equal(some.kind, "unavailable");
  assert.match(some.message, new RegExp(`:${one.port}: what .*:${gone} is out of reach`));
  const none = await failureOf(gone);
  assert.deepEqual([none.kind, /^None/.test(none.message)], ["unavailable", false]);
});

Deno.test("a search that was closed finds nothing", async () => {
  const servers = serversOf(`127.0.0.1:${freePort()}`, "sslmode=disable");
  await servers.close();
  await assert.rejects(servers.open(), { message: "The connection was closed." });
});
