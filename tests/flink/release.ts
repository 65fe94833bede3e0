/** A release of Flink as operators download it, and what stands in for the servers that have it. */
import { basename, join } from "node:path";
import { FLINK_VERSION, flinkParts } from "../../scripts/flink.ts";
import { LONG_STARTUP } from "../support/flink_cluster.ts";
import { freePort } from "../support/free_port.ts";

/** The scripts of Flink wait for nothing, so each port must be free. */
export interface ReleasePorts {
  readonly rest: number;
  readonly gateway: number;
}

/**
 * Lays out a release below a directory, with ports of its own. Returns functions of the shell: `curl` answers
 * for the archive of Flink with it, and for Maven Central with its jars.
 */
export async function layOutRelease(directory: string): Promise<{ functions: string; ports: ReleasePorts }> {
  const { directories, jars } = await flinkParts();
  const name = `flink-${FLINK_VERSION}`;
  const home = join(directory, "archive", name);
  await Deno.mkdir(join(home, "log"), { recursive: true });
  const gateway = jars.filter((jar) => /flink-sql-gateway-\d/.test(jar));
  const parts = { ...directories, opt: [...directories.opt ?? [], ...gateway] };
  for (const [part, files] of Object.entries(parts)) {
    await Deno.mkdir(join(home, part));
    for (const file of files) await Deno.symlink(file, join(home, part, basename(file)));
  }
  const ports = { rest: freePort(), gateway: freePort() };
  const [rpc, taskManagerRpc] = [freePort(), freePort()];
  const lines = [
    `jobmanager.rpc.port: ${rpc}`,
    `taskmanager.rpc.port: ${taskManagerRpc}`,
    `rest.port: ${ports.rest}`,
    "sql-gateway.endpoint.rest.address: 127.0.0.1",
    `sql-gateway.endpoint.rest.port: ${ports.gateway}`,
    "taskmanager.numberOfTaskSlots: 4",
  ];
  const configFile = join(home, "conf", "config.yaml");
  const [, opened] = /^ {6}all: (.*)$/m.exec(await Deno.readTextFile(configFile))!;
  await Deno.remove(configFile);
  await Deno.writeTextFile(
    configFile,
    [
      `env.java.opts.all: ${opened} ${LONG_STARTUP}`,
      "jobmanager.rpc.address: localhost",
      "jobmanager.memory.process.size: 1600m",
      "taskmanager.memory.process.size: 1728m",
      "taskmanager.host: localhost",
      "rest.address: localhost",
      ...lines,
      "",
    ].join("\n"),
  );
  const functions = `
curl() {
  local url="\${*: -1}"
  case "$url" in
    https://archive.apache.org/*/${name}-bin-*.tgz) tar -C '${directory}/archive' -ch ${name} | gzip -1 ;;
    https://repo1.maven.org/maven2/*) cp "$(echo '${jars.join("\n")}' | grep "/\${url##*/}$")" . ;;
    *) command curl "$@" ;;
  esac
}
`;
  return { functions, ports };
}
