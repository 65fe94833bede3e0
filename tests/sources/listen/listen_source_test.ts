import assert from "node:assert/strict";
import { SourceError } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { giveWay } from "../../../src/platform/clock/steps.ts";
import type { ListenConfig } from "../../../src/sources/listen/listen_config.ts";
import { ListenSource } from "../../../src/sources/listen/listen_source.ts";
import { StateLock } from "../../../src/state/file/state_lock.ts";
import { Authority } from "../../support/certificates.ts";
import { temporaryDirectory } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { NO_EVENT_TEXTS } from "../event_texts.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;

function sourceOn(stateDir: string, more: Partial<ListenConfig> = {}, isListening = true) {
  const config: ListenConfig = {
    hostname: "127.0.0.1",
    port: freePort(),
    tls: undefined,
    token: "first",
    maxBytes: 1e6,
    events: NO_EVENT_TEXTS,
    ...more,
  };
  const source = new ListenSource(`listen://127.0.0.1:${config.port}`, config, stateDir, isListening);
  const told: string[] = [];
  const logger = loggerTo(told, "info");
  const openPartition = async () => {
    const [partition] = await source.open({
      resume: new Map(),
      changed: () => {},
      arrived: () => {},
      heardTime: () => {},
      withheld: () => {},
      mayReadAhead: () => false,
      lineages: { readerOf: () => undefined, isKnown: () => false },
      clock: systemClock,
      logger,
    });
    return partition!;
  };
  const open = async () => {
    const partition = await openPartition();
    return (position?: string) =>
      partition.read(
        { lineage: undefined, position, history: new LogHistory() },
        new EventBatch(),
        { limit: 10, waitMs: 0, isAfterRest: false },
        NEVER,
      );
  };
  const status = async (token: string) => {
    const reply = await fetch(`http://127.0.0.1:${config.port}/query`, {
      headers: { authorization: `Bearer ${token}` },
    });
    await reply.body?.cancel();
    return reply.status;
  };
  return { source, config, told, open, openPartition, status };
}

Deno.test("a listener that could not be taken anew is tried again with each read, which says why", async () => {
  await using directory = await temporaryDirectory();
  const { source, config, told, open, status } = sourceOn(directory.path);
  const read = await open();
  const { serve } = Deno;
  try {
    assert.equal((await read()).kind, "idle");
    Deno.serve = () => {
      throw new Deno.errors.AddrInUse("taken");
    };
    source.change({ ...config, token: "second" });
    await assert.rejects(
      async () => {
        for (;;) {
          await read();
          await giveWay();
        }
      },
      (error) => error instanceof SourceError && /another program listens there/.test(error.message),
    );
    Deno.serve = serve;
    assert.equal((await read()).kind, "idle");
    assert.equal(await status("second"), 200);
    assert.match(told.join("\n"), /nothing can be received; it is tried again/);
  } finally {
    Deno.serve = serve;
    await source.close();
  }
});

Deno.test("check takes an address for ours only where the handler that has the state listens there", async () => {
  await using directory = await temporaryDirectory();
  const { source, config, open } = sourceOn(directory.path);
  await open();
  // Nobody holds the state, so it is no handler that listens there.
  await assert.rejects(source.probe(NEVER), /another program listens there/);
  const lock = StateLock.acquire(directory.path);
  try {
    assert.match(await source.probe(NEVER), /in use, as it should be: the handler runs, process \d+/);
    await source.close();
    assert.match(await source.probe(NEVER), /the address is free/);
    // Another handler's listener, with another inbox.
    await using other = await temporaryDirectory();
    const foreign = sourceOn(other.path, { port: config.port });
    await foreign.open();
    await assert.rejects(source.probe(NEVER), /another program listens there/);
    await foreign.source.close();
    using stranger = Deno.listen({ hostname: "127.0.0.1", port: config.port });
    const drop = (async () => {
      for await (const connection of stranger) connection.close();
    })();
    await assert.rejects(source.probe(NEVER), /another program listens there/);
    stranger.close();
    await drop;
  } finally {
    await source.close();
    lock.release();
  }
});

async function certificateIn(directory: string): Promise<NonNullable<ListenConfig["tls"]>> {
  const { caFile } = await Authority.create(directory, "listener");
  const [cert, key] = await Promise.all(
    [caFile, `${directory}/listener.key`].map((path) => Deno.readTextFile(path)),
  );
  return { cert: cert!, key: key! };
}

Deno.test("check says how it would be listened", async () => {
  await using directory = await temporaryDirectory();
  const tls = await certificateIn(directory.path);
  for (
    const [more, said] of [
      [{ token: undefined }, "the address is free; without TLS, without a token"],
      [{ tls }, "the address is free; with TLS, with a token"],
    ] as const
  ) assert.equal(await sourceOn(directory.path, more).source.probe(NEVER), said);
  // An address that this host does not have.
  await assert.rejects(
    sourceOn(directory.path, { hostname: "203.0.113.1" }).source.probe(NEVER),
    /it cannot listen: (?!another program).*\. Look at VABUS_URL$/,
  );
});

Deno.test("a listener is left alone by settings that are not its own, and by opening it again", async () => {
  await using directory = await temporaryDirectory();
  const { source, config, told, open, openPartition } = sourceOn(directory.path);
  source.change({ ...config, maxBytes: 2e6 });
  const read = await open();
  source.change({ ...config, maxBytes: 3e6 });
  assert.equal((await openPartition()).inboxFill!.maxBytes, 3e6);
  assert.equal((await read()).kind, "idle");
  source.change({ ...config, token: "other" });
  await open();
  assert.equal((await read()).kind, "idle");
  assert.equal(told.filter((line) => /listening for events/.test(line)).length, 2);
  await source.close();
  await open();
  const { status } = await fetch(`http://127.0.0.1:${config.port}/write?p=other`, {
    method: "POST",
    body: "m f=1",
  });
  assert.equal(status, 204);
  await source.close();
});

Deno.test("a certificate is taken at once, and a listener that is closed meanwhile does not come back", async () => {
  await using directory = await temporaryDirectory();
  const { source, config, told, open, status } = sourceOn(directory.path);
  const tls = await certificateIn(directory.path);
  await open();
  source.change({ ...config, tls });
  await open();
  assert.deepEqual(told.map((line) => /url="(\w+):/.exec(line)?.[1]), ["http", "https"]);
  source.change(config);
  await source.close();
  await assert.rejects(status("first"), TypeError);
});

Deno.test("an inbox is read, and opened again, where nothing is to be received", async () => {
  await using directory = await temporaryDirectory();
  const { source, config, told, open } = sourceOn(directory.path, { hostname: "::1" }, false);
  for (let i = 0; i < 2; i++) {
    const read = await open();
    assert.equal((await read()).kind, "idle");
    await source.close();
  }
  assert.deepEqual(told, []);
  const files = Array.from(Deno.readDirSync(directory.path), ({ name }) => name);
  assert.ok(files.includes(`inbox-__1-${config.port}.sqlite`), files.join());
});

Deno.test("an inbox whose identity cannot be written is opened with the next try", async () => {
  await using directory = await temporaryDirectory();
  const { source, config, open } = sourceOn(directory.path);
  const path = `${directory.path}/inbox-127.0.0.1-${config.port}.sqlite.id`;
  await Deno.mkdir(path);
  await assert.rejects(open(), /the inbox .* cannot be opened/);
  await Deno.remove(path);
  const read = await open();
  assert.equal((await read()).kind, "idle");
  await source.close();
});

Deno.test("a certificate that cannot be used changes nothing of a listener, and what comes with it does", async () => {
  await using directory = await temporaryDirectory();
  const { source, config, told, open, status } = sourceOn(directory.path);
  const read = await open();
  for (const token of ["first", "second"]) {
    source.change({ ...config, token, tls: { cert: "x", key: "y" } });
    assert.equal((await read()).kind, "idle");
    await open();
    assert.equal(await status(token), 200);
  }
  assert.equal(told.filter((line) => /keeps the certificate that it has/.test(line)).length, 2);
  assert.doesNotMatch(told.join("\n"), /nothing can be received/);
  await source.close();
});

Deno.test("a certificate that cannot be used is named", async () => {
  await using directory = await temporaryDirectory();
  const { source, open } = sourceOn(directory.path, { tls: { cert: "x", key: "y" } });
  for (const attempt of [() => source.probe(NEVER), open]) {
    await assert.rejects(attempt, /the certificate and its key cannot be used: .*VABUS_CERT_FILE/);
  }
  await source.close();
});

Deno.test("an inbox that is removed under the listener takes nothing more, and what it had is read", async () => {
  await using directory = await temporaryDirectory();
  const { source, config, told, open } = sourceOn(directory.path);
  const push = async () => {
    const reply = await fetch(`http://127.0.0.1:${config.port}/events`, {
      method: "POST",
      headers: { authorization: "Bearer first", "content-type": "application/json" },
      body: '[{"name":"a","value":1,"timestamp":1000}]',
    });
    await reply.body?.cancel();
    return reply.status;
  };
  try {
    const read = await open();
    assert.equal(await push(), 202);
    const path = `${directory.path}/inbox-127.0.0.1-${config.port}.sqlite`;
    await Deno.rename(path, `${path}.away`);
    assert.equal(await push(), 503);
    assert.match(told.at(-1)!, /the inbox cannot be written.*was removed while the handler runs/);
    const first = await read();
    assert.deepEqual([first.kind, "next" in first && first.next], ["events", "1"]);
    await assert.rejects(read("1"), /was removed while the handler runs. Nothing more is received/);
    await Deno.rename(`${path}.away`, path);
    assert.equal(await push(), 202);
    const second = await read("1");
    assert.deepEqual([second.kind, "next" in second && second.next], ["events", "2"]);
  } finally {
    await source.close();
  }
});
