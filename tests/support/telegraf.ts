/** A real Telegraf that pushes to `listen://` in each of the ways it has. */
import { join } from "node:path";
import { until } from "./executable.ts";
import { freePort } from "./free_port.ts";
import { ServerProcess } from "./server_process.ts";

/** Telegraf's outputs by their alias, which is also what the names of their metrics begin with. */
export const TELEGRAF_OUTPUTS = ["influxdb", "influxdb_v2", "http", "json", "prometheus"] as const;

export type TelegrafOutput = (typeof TELEGRAF_OUTPUTS)[number];

/**
 * The configuration: what is written to Telegraf's port goes to each output.
 *
 * @param url Of the listener, without a path.
 */
function configuration(port: number, url: string, token: string): string {
  const output = (plugin: string, alias: TelegrafOutput, settings: string) => `
[[outputs.${plugin}]]
  alias = "${alias}"
  name_prefix = "${alias}."
${settings}`;
  return `[agent]
  interval = "1s"
  flush_interval = "200ms"
  metric_batch_size = 10
  omit_hostname = true
  debug = true
[[inputs.influxdb_listener]]
  service_address = "127.0.0.1:${port}"
${
    output(
      "influxdb",
      "influxdb",
      `  urls = ["${url}"]
  username = "telegraf"
  password = "${token}"`,
    )
  }
${
    output(
      "influxdb_v2",
      "influxdb_v2",
      `  urls = ["${url}"]
  token = "${token}"
  organization = "plant"
  bucket = "telegraf"`,
    )
  }
${
    output(
      "http",
      "http",
      `  url = "${url}/write"
  data_format = "influx"
  content_encoding = "gzip"
  non_retryable_statuscodes = [400]
  headers = { Authorization = "Bearer ${token}" }`,
    )
  }
${
    output(
      "http",
      "json",
      `  url = "${url}/events"
  data_format = "json"
  json_transformation = '[metrics.{"name": name & ".f", "value": fields.f, "timestamp": timestamp, "labels": tags}]'
  non_retryable_statuscodes = [400]
  headers = { Authorization = "Bearer ${token}", Content-Type = "application/json" }`,
    )
  }
${
    output(
      "http",
      "prometheus",
      `  url = "${url}/api/v1/write"
  data_format = "prometheusremotewrite"
  non_retryable_statuscodes = [400]
  [outputs.http.headers]
    Authorization = "Bearer ${token}"
    Content-Type = "application/x-protobuf"
    Content-Encoding = "snappy"
    X-Prometheus-Remote-Write-Version = "0.1.0"`,
    )
  }
`;
}

/** Leaving its scope (`await using`) stops it. */
export class Telegraf implements AsyncDisposable {
  private constructor(
    private readonly process: ServerProcess,
    private readonly logFile: string,
    private readonly port: number,
  ) {}

  /**
   * @param program Its binary.
   * @param directory For its configuration and its log.
   * @param url Of the listener that it writes to, without a path.
   */
  static async start(program: string, directory: string, url: string, token: string): Promise<Telegraf> {
    const port = freePort();
    const config = join(directory, "telegraf.conf");
    await Deno.writeTextFile(config, configuration(port, url, token));
    const logFile = join(directory, "telegraf.log");
    const process = new ServerProcess({
      command: [program, "--config", config],
      logFile,
      stopSignal: "SIGTERM",
      isReady: () => answers(port),
    });
    await process.start();
    return new Telegraf(process, logFile, port);
  }

  /** Hands it lines, which each output then has to deliver. */
  async take(lines: readonly string[]): Promise<void> {
    const reply = await fetch(`http://127.0.0.1:${this.port}/write`, {
      method: "POST",
      body: lines.join("\n"),
    });
    const text = await reply.text();
    if (reply.status !== 204) throw new Error(`Telegraf answered ${reply.status}: ${text}`);
  }

  /** Waits until each output has got a good answer for that many metrics in all. */
  async delivered(metrics: number): Promise<void> {
    await this.each(`answers for ${metrics} metrics`, (output, log) => {
      const batches = log.matchAll(new RegExp(`\\[${nameInLog(output)}\\] Wrote batch of (\\d+) `, "g"));
      return batches.reduce((sum, [, count]) => sum + Number(count), 0) >= metrics;
    });
  }

  /** Waits until each output has failed to deliver for the first time. */
  async failed(): Promise<void> {
    await this.each(
      "a failure to write",
      (output, log) => new RegExp(`Error writing to ${nameInLog(output)}`).test(log),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }

  private async each(what: string, holds: (output: TelegrafOutput, log: string) => boolean): Promise<void> {
    let log = "";
    await until(
      async () => {
        log = await Deno.readTextFile(this.logFile);
        return TELEGRAF_OUTPUTS.every((output) => holds(output, log));
      },
      () => `${what} of each output of Telegraf, which says\n${log.replaceAll(/.*Buffer fullness.*\n/g, "")}`,
    );
  }
}

function nameInLog(output: TelegrafOutput): string {
  return `outputs\\.\\w+::${output}`;
}

async function answers(port: number): Promise<boolean> {
  try {
    const reply = await fetch(`http://127.0.0.1:${port}/ping`);
    await reply.body?.cancel();
    return reply.ok;
  } catch {
    return false;
  }
}
