/** A real collector of OpenTelemetry that pushes to `listen://`. */
import { join } from "node:path";
import { until } from "./executable.ts";
import { freePort } from "./free_port.ts";
import { ServerProcess } from "./server_process.ts";

/** Encodings of OTLP over HTTP. The collector has an exporter for each. */
export const ENCODINGS = ["proto", "json"] as const;

/** Leaving its scope (`await using`) stops it. */
export class Collector implements AsyncDisposable {
  private constructor(
    private readonly process: ServerProcess,
    private readonly port: number,
    private readonly telemetryPort: number,
  ) {}

  /**
   * @param program Its binary.
   * @param directory For its configuration and its log.
   * @param url Of the listener that it writes to, without a path.
   */
  static async start(program: string, directory: string, url: string, token: string): Promise<Collector> {
    const [port, telemetryPort] = [freePort(), freePort()];
    const config = join(directory, "otelcol.yaml");
    // JSON is YAML.
    await Deno.writeTextFile(config, JSON.stringify(configuration(port, telemetryPort, url, token)));
    const process = new ServerProcess({
      command: [program, "--config", `file:${config}`],
      logFile: join(directory, "otelcol.log"),
      stopSignal: "SIGTERM",
      isReady: () => post(port, {}).then((status) => status === 200).catch(() => false),
    });
    await process.start();
    return new Collector(process, port, telemetryPort);
  }

  /** Hands it a gauge for each number from `from` to below `to`, which each exporter then has to deliver. */
  async take(from: number, to: number, timeS: number): Promise<void> {
    const dataPoints = Array.from({ length: to - from }, (_, i) => ({
      attributes: [{ key: "number", value: { stringValue: `${from + i}` } }],
      timeUnixNano: `${timeS}000000000`,
      asDouble: from + i + 0.5,
    }));
    const metrics = [{ name: "press", gauge: { dataPoints } }];
    const status = await post(this.port, { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
    if (status !== 200) throw new Error(`the collector answered ${status}`);
  }

  /** Waits until each exporter has got a good answer for that many points in all. */
  async delivered(points: number): Promise<void> {
    await until(async () => {
      const page = await this.telemetry();
      return ENCODINGS.every((encoding) => valueOf(page, "sent_metric_points", encoding) >= points);
    }, `answers for ${points} points of each exporter`);
  }

  /** Waits until each exporter has points that it cannot deliver. */
  async waits(): Promise<void> {
    await until(async () => {
      const page = await this.telemetry();
      return ENCODINGS.every((encoding) => valueOf(page, "queue_size", encoding) > 0);
    }, "points in the queue of each exporter");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }

  private async telemetry(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.telemetryPort}/metrics`)).text();
  }
}

function configuration(port: number, telemetryPort: number, url: string, token: string) {
  const exporter = (encoding: string) => ({
    endpoint: url,
    encoding,
    headers: { authorization: `Bearer ${token}` },
    retry_on_failure: { initial_interval: "100ms", max_interval: "500ms", max_elapsed_time: "0s" },
    // One request at a time, so that others wait behind the one that is sent again.
    sending_queue: { num_consumers: 1 },
  });
  const exporters = ENCODINGS.map((encoding) => [exporterName(encoding), exporter(encoding)] as const);
  return {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { batch: { timeout: "100ms", send_batch_size: 10, send_batch_max_size: 10 } },
    exporters: Object.fromEntries(exporters),
    service: {
      telemetry: {
        metrics: {
          readers: [{ pull: { exporter: { prometheus: { host: "127.0.0.1", port: telemetryPort } } } }],
        },
      },
      pipelines: {
        metrics: {
          receivers: ["otlp"],
          processors: ["batch"],
          exporters: exporters.map(([name]) => name),
        },
      },
    },
  };
}

function exporterName(encoding: string): string {
  return `otlp_http/${encoding}`;
}

/** A figure of an exporter on the page of the collector's own metrics; 0 where it is not there yet. */
function valueOf(page: string, figure: string, encoding: string): number {
  const line = page.split("\n").find((line) =>
    line.startsWith(`otelcol_exporter_${figure}`) && line.includes(`exporter="${exporterName(encoding)}"`)
  );
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(" ")));
}

async function post(port: number, body: unknown): Promise<number> {
  const reply = await fetch(`http://127.0.0.1:${port}/v1/metrics`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await reply.body?.cancel();
  return reply.status;
}
