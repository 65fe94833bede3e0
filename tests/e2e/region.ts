/** Two regions, each with a bus, a handler and a PostgreSQL, whose wires to each other can be cut. */
import postgres from "postgres";
import { MarkdownPage } from "../../scripts/markdown_page.ts";
import { type Program, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import type { PostgresServer } from "../support/postgres_server.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { Bus, postgresSink } from "./plant.ts";
import { runShell } from "./shell.ts";

export type RegionName = "north" | "south";

/** A bus and a PostgreSQL, and the wire by which the other region reaches that PostgreSQL. */
export class Region {
  private constructor(
    readonly name: RegionName,
    readonly bus: Bus,
    /** The database of the test, as its own region reaches it. */
    readonly url: string,
    readonly wire: TcpProxy,
    readonly directory: string,
    private readonly adminPort: number,
  ) {}

  /** @param directory Where its handler has its files; removed by the caller. */
  static async start(
    name: RegionName,
    server: PostgresServer,
    directory: string,
    stack: AsyncDisposableStack,
  ): Promise<Region> {
    const database = `${name}_${crypto.randomUUID().slice(0, 8)}`;
    const sql = postgres(server.url, { max: 1, onnotice: () => {} });
    stack.defer(() => sql.end());
    await sql.unsafe(`create database ${database}`);
    stack.defer(async () => {
      await sql.unsafe(`drop database ${database} with (force)`);
    });
    const bus = stack.use(await Bus.start());
    const wire = stack.use(TcpProxy.start());
    wire.leadTo(Number(new URL(server.url).port));
    const url = server.url.replace(/\/postgres$/, `/${database}`);
    return new Region(name, bus, url, wire, `${directory}/${name}`, freePort());
  }

  /** The URL of its PostgreSQL as the other region has it. */
  get farUrl(): string {
    return this.url.replace(new URL(this.url).host, this.wire.address);
  }

  /** The env file of its handler: that of the document, led to the servers of the test. */
  settings(text: string, other: Region): string {
    const [north, south] = this.name === "north" ? [this.url, other.farUrl] : [other.farUrl, this.url];
    const led = text
      .replace(`http://bus.${this.name}.example:8000`, this.bus.url)
      .replace("postgres://vabus@db.north.example/plant", north)
      .replace("postgres://vabus@db.south.example/plant", south);
    const own = {
      STATE_DIR: `${this.directory}/state`,
      HTTP_LISTEN: `127.0.0.1:${this.adminPort}`,
      METRICS_INTERVAL: "0",
      CHECKPOINT_INTERVAL: "0.1",
      IDLE_TIMEOUT: "1",
      AGGREGATION_INTERVAL: "60",
    };
    return [led, ...Object.entries(own).map((entry) => entry.join("=")), ""].join("\n");
  }

  /** The rows of an instance in its PostgreSQL. */
  async rowsOf(instance: string) {
    const rows = await postgresSink(this.url).rows();
    return rows.filter((row) => row.instance === instance);
  }

  /** Waits until its handler has delivered all to its own server, and has or has nothing for the other. */
  async delivers(handler: Program, farWaits: boolean): Promise<void> {
    await until(
      async () => {
        const reply = await fetch(`http://127.0.0.1:${this.adminPort}/api/status`);
        const { outbox: { sinks } } = await reply.json();
        return sinks.every(({ name, waiting }: { name: string; waiting: number }) =>
          (waiting > 0) === (farWaits && name !== this.name)
        );
      },
      `what ${this.name} delivers`,
      undefined,
      [handler],
    );
  }
}

/** Brings the events of each region to the other one, later where the wire is cut. */
export class Mirror {
  private readonly held: (() => Promise<void>)[] = [];
  private isCut = false;

  async publish(texts: readonly string[], origin: Region, other: Region): Promise<void> {
    await origin.bus.publish(texts);
    if (this.isCut) this.held.push(() => other.bus.publish(texts));
    else await other.bus.publish(texts);
  }

  cut(): void {
    this.isCut = true;
  }

  async mend(): Promise<void> {
    this.isCut = false;
    for (const publish of this.held.splice(0)) await publish();
  }
}

/** The commands and the env files of docs/multi-region.md. */
export class RegionsPage {
  private constructor(private readonly page: MarkdownPage, private readonly directory: string) {}

  static async read(directory: string): Promise<RegionsPage> {
    const path = new URL("../../docs/multi-region.md", import.meta.url);
    return new RegionsPage(new MarkdownPage(await Deno.readTextFile(path)), directory);
  }

  /** Writes the env file of each region's handler. */
  async writeSettings(regions: readonly [Region, Region]): Promise<void> {
    const texts = this.page.fences.filter(({ language }) => language === "ini").map(({ text }) => text);
    await Deno.mkdir(this.directory, { recursive: true });
    for (const [index, region] of regions.entries()) {
      await Deno.mkdir(region.directory);
      await Deno.writeTextFile(this.envFile(region), region.settings(texts[index]!, regions[1 - index]!));
    }
  }

  envFile(region: Region): string {
    return `${this.directory}/${region.name}.env`;
  }

  /** All of the page's commands that a test runs, in its order. */
  get commands(): string[] {
    return this.page.fences.filter(({ language, mark }) => language === "sh" && mark === "")
      .map(({ text }) => text);
  }

  /** Runs commands of the page. @returns what they print. @throws where they fail. */
  async run(commands: string, [north, south]: readonly [Region, Region]): Promise<string> {
    const { code, stdout, stderr } = await runShell(
      `set -eu\n${commands.replaceAll("/etc/vabus-data-handler", `'${this.directory}'`)}`,
      this.directory,
      { NORTH_URL: north.url, SOUTH_URL: south.url },
    );
    if (code !== 0) throw new Error(`${commands}\n${stdout}${stderr}`);
    return stdout;
  }
}
