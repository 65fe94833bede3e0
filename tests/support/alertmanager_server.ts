import { join } from "node:path";
import { alertmanagerBinary } from "../../scripts/servers.ts";
import { freePort } from "./free_port.ts";
import { answers } from "./prometheus_server.ts";
import { ServerProcess } from "./server_process.ts";

/** A real Alertmanager. */
export interface AlertmanagerServer {
  /** `host:port` */
  readonly address: string;
  stop(): Promise<void>;
}

/** Starts an Alertmanager that passes every alert on to a webhook at once. */
export async function startAlertmanager(directory: string, webhook: string): Promise<AlertmanagerServer> {
  const address = `127.0.0.1:${freePort()}`;
  const config = {
    route: { receiver: "webhook", group_by: ["..."], group_wait: "0s", group_interval: "1s" },
    receivers: [{ name: "webhook", webhook_configs: [{ url: webhook }] }],
  };
  const configFile = join(directory, "alertmanager.yml");
  // JSON is YAML.
  await Deno.writeTextFile(configFile, JSON.stringify(config));
  const process = new ServerProcess({
    command: [
      await alertmanagerBinary(),
      `--config.file=${configFile}`,
      `--storage.path=${join(directory, "alertmanager")}`,
      `--web.listen-address=${address}`,
      // It is alone.
      "--cluster.listen-address=",
    ],
    logFile: join(directory, "alertmanager.log"),
    stopSignal: "SIGTERM",
    isReady: () => answers(`http://${address}/-/ready`),
  });
  await process.start();
  return { address, stop: () => process.stop() };
}
