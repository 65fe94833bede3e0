/** A real collector of OpenTelemetry that takes what a program tells it, and hands it on as JSON. */
import { join } from "node:path";
import { freePort } from "./free_port.ts";
import { ServerProcess } from "./server_process.ts";

/** Leaving its scope stops it, when it has handed on what it has. */
export class RelayCollector implements AsyncDisposable {
  private constructor(private readonly process: ServerProcess, readonly url: string) {}

  /**
   * @param program Its binary.
   * @param directory For its configuration and its log.
   * @param receiver Where it hands things on to.
   */
  static async start(program: string, directory: string, receiver: string): Promise<RelayCollector> {
    const port = freePort();
    const url = `http://127.0.0.1:${port}`;
    const config = join(directory, "relay.yaml");
    // JSON is YAML.
    await Deno.writeTextFile(config, JSON.stringify(configuration(port, receiver)));
    const process = new ServerProcess({
      command: [program, "--config", `file:${config}`],
      logFile: join(directory, "relay.log"),
      stopSignal: "SIGTERM",
      isReady: () => isThere(url),
    });
    await process.start();
    return new RelayCollector(process, url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}

function configuration(port: number, receiver: string) {
  const pipeline = { receivers: ["otlp"], exporters: ["otlp_http"] };
  return {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { otlp_http: { endpoint: receiver, encoding: "json", compression: "none" } },
    service: {
      telemetry: { metrics: { level: "none" } },
      pipelines: { traces: pipeline, metrics: pipeline, logs: pipeline },
    },
  };
}

async function isThere(url: string): Promise<boolean> {
  try {
    const headers = { "content-type": "application/json" };
    const reply = await fetch(`${url}/v1/traces`, { method: "POST", headers, body: "{}" });
    await reply.body?.cancel();
    return reply.ok;
  } catch {
    return false;
  }
}
