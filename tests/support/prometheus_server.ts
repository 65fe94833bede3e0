import { join } from "node:path";
import { prometheusBinary } from "../../scripts/servers.ts";
import { freePort } from "./free_port.ts";
import { ServerProcess } from "./server_process.ts";

/** A real Prometheus. */
export interface PrometheusServer {
  readonly url: string;
  /** Stops it cleanly: what it has left to send it tries to send. */
  stop(): Promise<void>;
}

/**
 * Starts a Prometheus that scrapes itself and one more target every second.
 *
 * @param target `host:port` that serves `/metrics`.
 * @param remoteWrite Where it sends all samples.
 */
export async function startPrometheus(
  directory: string,
  target: string,
  remoteWrite: string,
): Promise<PrometheusServer> {
  return await runPrometheus(directory, (address) => ({
    global: { scrape_interval: "1s", external_labels: { site: "north" } },
    scrape_configs: [
      { job_name: "plant", static_configs: [{ targets: [target] }] },
      { job_name: "prometheus", static_configs: [{ targets: [address] }] },
    ],
    remote_write: [{
      url: remoteWrite,
      queue_config: { batch_send_deadline: "1s", max_backoff: "1s" },
    }],
  }));
}

/** Starts a Prometheus. @param configure Its configuration, by its own address. */
export async function runPrometheus(
  directory: string,
  configure: (address: string) => unknown,
): Promise<PrometheusServer> {
  const address = `127.0.0.1:${freePort()}`;
  const configFile = join(directory, "prometheus.yml");
  // JSON is YAML.
  await Deno.writeTextFile(configFile, JSON.stringify(configure(address)));
  const process = new ServerProcess({
    command: [
      await prometheusBinary(),
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(directory, "tsdb")}`,
      `--web.listen-address=${address}`,
    ],
    logFile: join(directory, "prometheus.log"),
    stopSignal: "SIGTERM",
    isReady: () => answers(`http://${address}/-/ready`),
  });
  await process.start();
  return { url: `http://${address}`, stop: () => process.stop() };
}

/** Whether there is an answer that is no error. */
export async function answers(url: string): Promise<boolean> {
  try {
    const reply = await fetch(url);
    await reply.body?.cancel();
    return reply.ok;
  } catch {
    return false;
  }
}
