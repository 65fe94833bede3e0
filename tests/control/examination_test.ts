import assert from "node:assert/strict";
import { SinkError } from "../../src/contract/sink.ts";
import { SourceError } from "../../src/contract/source.ts";
import { examine } from "../../src/control/examination.ts";
import { unreachable } from "../../src/sources/unreachable_server.ts";
import { toKafkaSinkError } from "../../src/sinks/kafka/kafka_errors.ts";
import { toPostgresSinkError } from "../../src/sinks/postgres/postgres_errors.ts";
import { toSqliteSinkError } from "../../src/sinks/sqlite/sqlite_errors.ts";

const REFUSED = new Error("connect ECONNREFUSED");
const HINT = /can this host reach it/;

async function told(error: Error): Promise<string> {
  const subject = { title: "part", probe: () => Promise.reject(error), close: () => {} };
  const [finding] = await examine(subject, new AbortController().signal, 60_000);
  return finding!.detail!;
}

Deno.test("only of what has not answered is it asked whether this host can reach it", async () => {
  for (
    const error of [
      unreachable("Redis at r:6379", REFUSED),
      new SourceError("unavailable", "VaBus at b:8000: no connection: name not known"),
      toPostgresSinkError(REFUSED, "the connection", "db:5432"),
      toKafkaSinkError(REFUSED, "k:9092"),
    ]
  ) assert.match(await told(error), HINT);
  for (
    const error of [
      new SourceError("unavailable", "kafka://k:9092/t: there is no topic t: check its name"),
      new SourceError("unavailable", "VaBus at b:8000 answered 503"),
      new SinkError("misconfigured", "PostgreSQL refused the login"),
      toSqliteSinkError(new Error("database is locked"), "a.sqlite"),
      toPostgresSinkError(
        { name: "PostgresError", code: "53300", message: "too many connections" },
        "the connection",
        "db:5432",
      ),
    ]
  ) assert.doesNotMatch(await told(error), HINT);
});
