/**
 * Programs of others that push to `listen://` and that only Go can build: Telegraf, and the collector of
 * OpenTelemetry. Each is built once, into the cache directory.
 *
 *   scripts/deno.sh run -A scripts/go_programs.ts
 *
 * Building takes minutes, so no test does it. Tests of these programs are left out where they are not built.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheDir } from "./cache.ts";
import { MissingPrerequisite } from "./missing_prerequisite.ts";

const STDERR_TAIL_LINES = 15;

/** A program, and how Go builds it. */
export class GoProgram {
  /**
   * @param name What it is called in messages and in the cache.
   * @param recipe All that decides what comes out: another recipe is another program.
   * @param build Leaves the program in a directory that is empty, and returns its path.
   */
  constructor(
    readonly name: string,
    readonly version: string,
    private readonly recipe: string,
    private readonly build: (directory: string) => Promise<string>,
  ) {}

  /** Where it is. Undefined: it has not been built. */
  async path(): Promise<string | undefined> {
    const path = this.cachePath();
    return await isFile(path) ? path : undefined;
  }

  /**
   * Builds it where it is missing. Two at once both build, and both move the same program into place.
   *
   * @throws {MissingPrerequisite} where Go is missing, too old, or gets no modules.
   */
  async ensure(): Promise<string> {
    const path = this.cachePath();
    if (await isFile(path)) return path;
    await Deno.mkdir(cacheDir(), { recursive: true });
    const directory = await Deno.makeTempDir({ dir: cacheDir(), prefix: `${this.name}.` });
    try {
      await Deno.rename(await this.build(directory), path);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
    return path;
  }

  private cachePath(): string {
    const hash = createHash("sha256").update(this.recipe).digest("hex").slice(0, 8);
    return join(cacheDir(), `${this.name}-${this.version}-${hash}`);
  }
}

const TELEGRAF_VERSION = "1.39.3";
/** Telegraf's own way to leave plugins out; with all of them it is ten times as large. */
const TELEGRAF_TAGS = [
  "custom",
  "inputs.cpu",
  "inputs.exec",
  "inputs.file",
  "inputs.influxdb_listener",
  "inputs.kafka_consumer",
  "inputs.mem",
  "inputs.mqtt_consumer",
  "inputs.nats_consumer",
  "aggregators.basicstats",
  "aggregators.final",
  "outputs.discard",
  "outputs.file",
  "outputs.http",
  "outputs.influxdb",
  "outputs.influxdb_v2",
  "parsers.csv",
  "parsers.influx",
  "parsers.json",
  "parsers.json_v2",
  "parsers.value",
  "serializers.influx",
  "serializers.json",
  "serializers.prometheusremotewrite",
].join(",");

const TELEGRAF_FLAGS = [
  "-trimpath",
  ...["-tags", TELEGRAF_TAGS],
  ...["-ldflags", `-X github.com/influxdata/telegraf/internal.Version=${TELEGRAF_VERSION}`],
];

export const TELEGRAF = new GoProgram(
  "telegraf",
  TELEGRAF_VERSION,
  TELEGRAF_FLAGS.join(" "),
  async (directory) => {
    const module = `github.com/influxdata/telegraf/cmd/telegraf@v${TELEGRAF_VERSION}`;
    await go("Telegraf", ["install", ...TELEGRAF_FLAGS, module], directory);
    return join(directory, "telegraf");
  },
);

const COLLECTOR_VERSION = "0.165.0";
/** What the collector's builder is told. JSON is YAML. */
const COLLECTOR_MANIFEST = JSON.stringify({
  dist: { name: "otelcol", module: "vabus/otelcol", output_path: "dist" },
  receivers: [collectorModule("receiver/otlpreceiver")],
  processors: [collectorModule("processor/batchprocessor")],
  exporters: [collectorModule("exporter/otlphttpexporter")],
  // It does not start without the one for the environment.
  providers: ["envprovider", "fileprovider"].map((provider) => ({
    gomod: `go.opentelemetry.io/collector/confmap/provider/${provider} v1.71.0`,
  })),
});

function collectorModule(path: string) {
  return { gomod: `go.opentelemetry.io/collector/${path} v${COLLECTOR_VERSION}` };
}

export const COLLECTOR = new GoProgram(
  "otelcol",
  COLLECTOR_VERSION,
  COLLECTOR_MANIFEST,
  async (directory) => {
    const manifest = join(directory, "manifest.yaml");
    await Deno.writeTextFile(manifest, COLLECTOR_MANIFEST);
    const builder = `go.opentelemetry.io/collector/cmd/builder@v${COLLECTOR_VERSION}`;
    await go("the collector", ["run", builder, "--config", manifest], directory);
    return join(directory, "dist", "otelcol");
  },
);

/**
 * Runs Go at low priority, and returns what it prints. It is not to fetch another Go. `install` leaves its
 * program in `directory`.
 *
 * @throws {MissingPrerequisite} where Go is missing, or fails.
 */
export async function go(what: string, args: readonly string[], directory: string): Promise<string> {
  let result: Deno.CommandOutput;
  try {
    result = await new Deno.Command("nice", {
      args: ["go", ...args],
      cwd: directory,
      env: { GOBIN: directory, GOTOOLCHAIN: "local", CGO_ENABLED: "0" },
      stdin: "null",
    }).output();
  } catch (error) {
    throw new MissingPrerequisite(`Go could not be run: ${(error as Error).message}`);
  }
  if (result.success) return new TextDecoder().decode(result.stdout);
  const said = new TextDecoder().decode(result.stderr).trim().split("\n").slice(-STDERR_TAIL_LINES);
  throw new MissingPrerequisite(
    `Go could not build ${what}. It takes Go 1.26 or newer on PATH, and the module proxy of Go or a mirror ` +
      `of it (GOPROXY). Go says:\n${said.join("\n")}`,
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  let isComplete = true;
  for (const program of [TELEGRAF, COLLECTOR]) {
    console.log(`${program.name} ${program.version}; building it takes minutes`);
    try {
      console.log(await program.ensure());
    } catch (error) {
      if (!(error instanceof MissingPrerequisite)) throw error;
      console.error(error.message);
      isComplete = false;
    }
  }
  Deno.exit(isComplete ? 0 : 1);
}
