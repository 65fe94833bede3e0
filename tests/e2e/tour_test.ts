/** docs/tour.md: its own commands, in its order, in four terminals, on real servers. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { TELEGRAF } from "../../scripts/go_programs.ts";
import { MarkdownPage } from "../../scripts/markdown_page.ts";
import { hasMosquitto, hasPrometheus } from "../../scripts/servers.ts";
import { executablePath, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { KAFKA_PORTS, kafkaIsExternal } from "../support/kafka_broker.ts";
import { postgresIsExternal } from "../support/postgres_server.ts";
import { isOwnClockWrong } from "../support/wrong_clock.ts";
import { hasTerminals, Terminal } from "./terminal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const telegrafProgram = isOwnClockWrong ? undefined : await TELEGRAF.path();
const isPrometheusHere = !isOwnClockWrong && await hasPrometheus();
const isMosquittoHere = await hasMosquitto();
if (isOwnClockWrong) console.error("The tour goes without programs that have another clock than the tests.");
else if (telegrafProgram === undefined) {
  console.error("The tour goes without Telegraf: `make clients` builds it.");
}
if (!isMosquittoHere) {
  console.error("The tour goes without MQTT: Mosquitto or its clients are not installed.");
}
if (!isPrometheusHere && !isOwnClockWrong) {
  console.error("The tour goes without Prometheus, which is not installed.");
}

interface Block {
  readonly terminal: string;
  readonly commands: string;
}

Deno.test({
  name: "the tour works as written, to its end",
  // It stops and starts its servers, which it must not do to those of somebody else.
  ignore: !await hasTerminals() || postgresIsExternal || kafkaIsExternal,
  async fn() {
    await using directory = await temporaryDirectory();
    // PostgreSQL does not run as root, and has to get to its directory.
    if (Deno.uid() === 0) await Deno.chmod(directory.path, 0o755);
    const ports = {
      bus: freePort(),
      admin: freePort(),
      push: freePort(),
      prometheus: freePort(),
      mqtt: freePort(),
      postgres: freePort(),
      kafka: freePorts(KAFKA_PORTS),
    };
    const blocks = await tourBlocks(ports);
    const next = (terminal: string): string => {
      const block = blocks.shift();
      assert.equal(block?.terminal, terminal, `the next commands of the tour: ${block?.commands}`);
      return block!.commands;
    };
    const environment = terminalEnvironment(directory.path, ports);
    const open = () => Terminal.open(ROOT, environment);

    // Left in the opposite order: the servers go last.
    await using servers = await open();
    await servers.start(next("servers"), /Both are up/);
    await using bus = await open();
    await bus.start(next("bus"), /listening|listens/i);
    await using handler = await open();
    const started = await handler.start(next("handler"), /"msg":"started"|started/);
    assert.doesNotMatch(started, /ERROR/);

    await using events = await open();
    assert.doesNotMatch(await events.run(next("events")), /error/i);
    const looks = next("events");
    const seen = await until(async () => {
      const answer = await events.run(looks);
      return /oven\.door +\| count +\| +[^|]+\| +1 \| +1 \| +0\n/.test(answer) && answer;
    }, () => `both rows in the table, and not\n${events.screen}`);
    assert.match(seen, /oven\.temperature +\| avg +\| +[^|]+\| +182\.5 \| +2 \| +0\n/);
    assert.match(seen, /4 received = 3 aggregated .* 1 invalid/);
    assert.match(seen, /invalid.*open/);
    assert.match(seen, /^PROVEN: no event is lost/m);
    assert.match(seen, /"status":"ready"/);
    await until(
      () => /"name":"oven.temperature".*"value":182.5/.test(servers.screen),
      "the record in the topic",
    );

    await events.run(next("events"));
    // The shell of the handler's terminal is there again.
    await handler.run("true");
    assert.match(handler.screen, /Killed/);
    await servers.interrupt();
    await servers.run(next("servers"));
    assert.doesNotMatch(await events.run(next("events")), /error/i);
    await handler.start(next("handler"), /sink_unavailable|unavailable|out of reach/);
    await servers.start(next("servers"), /Both are up/);
    const last = next("events");
    const corrected = await until(async () => {
      const answer = await events.run(last);
      return /oven\.temperature +\| avg +\| +[^|]+\| +185 \| +3 \| +1\n/.test(answer) && answer;
    }, () => `the corrected row in the table, and not\n${events.screen}`);
    assert.match(corrected, /oven\.temperature +\| avg +\| +[^|]+\| +20 \| +1 \| +0\n/);
    assert.match(corrected, /^PROVEN: no event is lost/m);
    const shift = await events.run(next("events"));
    assert.match(shift, /"name":"oven\.temperature","agg_func":"avg","value":182\.5,/);
    assert.match(shift, /"name":"oven\.temperature","agg_func":"max","value":183\.5,/);
    assert.match(shift, /"name":"kiln\.temperature","agg_func":"max","value":910,/);
    assert.match(shift, /invalid.*hot/);
    const topic = await events.run(next("events"));
    assert.match(topic, /"name":"oven\.door","agg_func":"count","value":1,/);
    assert.match(topic, /"name":"oven\.temperature","agg_func":"avg",/);
    assert.match(topic, /\b4 received = 4 aggregated/);

    await handler.interrupt();
    await bus.interrupt();
    await handler.start(next("handler"), /"msg":"started"|started/);
    const telegraf = next("bus");
    if (telegrafProgram !== undefined) await bus.start(telegraf, /Loaded outputs: influxdb/);
    await events.run(next("events"));
    await printed(handler, /"name":"press\.temperature","labels":\{"line":"4"\},.*"value":21\.5,/);
    if (telegrafProgram !== undefined) {
      await printed(handler, /"name":"cpu\.usage_idle",.*"agg_func":"max",/);
      await bus.interrupt();
    }
    const prometheus = next("bus");
    if (isPrometheusHere) {
      await bus.start(prometheus, /ready to receive web requests/);
      await printed(
        handler,
        /"name":"up","labels":\{[^}]*"job":"handler"[^}]*\},"agg_func":"avg","value":1,/,
      );
    }
    assert.match(await events.run(next("events")), /^PROVEN/m);
    if (isPrometheusHere) await bus.interrupt();
    await handler.interrupt();
    const ofMqtt = [next("bus"), next("handler"), next("events")] as const;
    if (isMosquittoHere) {
      await bus.start(ofMqtt[0], /mosquitto version .* running/);
      await handler.start(ofMqtt[1], /"msg":"started"|started/);
      // The session is there once the handler says that it is.
      await events.run(`mosquitto_sub -h 127.0.0.1 -p ${ports.mqtt} -t 'vabus/status/#' -C 1`);
      assert.match(await events.run(ofMqtt[2]), /^PROVEN/m);
      await printed(handler, /"name":"plant\/oven\/temperature","agg_func":"max","value":181\.5,/);
    }
    assert.deepEqual(blocks, []);
  },
});

/** Waits for a line in a terminal. */
async function printed(terminal: Terminal, line: RegExp): Promise<void> {
  await until(() => line.test(terminal.screen), () => `${line} in\n${terminal.screen.slice(-3000)}`);
}

interface Ports {
  readonly bus: number;
  readonly admin: number;
  readonly push: number;
  readonly prometheus: number;
  readonly mqtt: number;
  readonly postgres: number;
  /** The first of {@link KAFKA_PORTS}. */
  readonly kafka: number;
}

/**
 * The commands of the tour, in their order, changed only where they have to be: the executable under test is
 * built already, and the ports that the tour names may be in use here by others.
 */
async function tourBlocks({ bus, admin, push, prometheus, mqtt, postgres, kafka }: Ports): Promise<Block[]> {
  const page = new MarkdownPage(await Deno.readTextFile(new URL("docs/tour.md", `file://${ROOT}/`)));
  const swap = (text: string, from: string, to: string) => text.replaceAll(from, to);
  return page.fences.map(({ mark, text }) => {
    const terminal = /^terminal=(\w+)$/.exec(mark)?.[1];
    assert.ok(terminal, `commands of the tour that do not say in which terminal:\n${text}`);
    const changes: [string, string][] = [
      ["make build\n", ""],
      ["make servers", `make servers ARGS="--postgres-port ${postgres} --kafka-port ${kafka}"`],
      ["vabus-data-handler bus ", `vabus-data-handler bus --listen 127.0.0.1:${bus} `],
      ["dist/vabus-data-handler", `'${executablePath()}'`],
      ["localhost:8000", `127.0.0.1:${bus}`],
      ["localhost:8090", `127.0.0.1:${admin}`],
      ["127.0.0.1:8086", `127.0.0.1:${push}`],
      ["localhost:9090", `127.0.0.1:${prometheus}`],
      ["127.0.0.1:1883", `127.0.0.1:${mqtt}`],
      ["-p 1883", `-p ${mqtt}`],
      ["listener 1883", `listener ${mqtt}`],
      ["telegraf --config", `'${telegrafProgram}' --config`],
    ];
    return {
      terminal,
      commands: changes.reduce((commands, [from, to]) => swap(commands, from, to), text).trim(),
    };
  });
}

/** What a terminal has: the surroundings of the tests, but none of their settings. */
function terminalEnvironment(directory: string, { bus, admin }: Ports): Record<string, string> {
  const { VABUS_BIN: _bin, ...surroundings } = Deno.env.toObject();
  return {
    ...surroundings,
    TOUR_DIR: `${directory}/tour`,
    VABUS_URL: `http://127.0.0.1:${bus}`,
    HTTP_LISTEN: `127.0.0.1:${admin}`,
  };
}

/** The first of so many ports in a row. */
function freePorts(count: number): number {
  const ports: number[] = [];
  while (ports.length < count || ports.at(-1)! - ports.at(-count)! !== count - 1) ports.push(freePort());
  return ports.at(-count)!;
}
