import { fileURLToPath } from "node:url";
import type { Workload } from "./workload.ts";

/**
 * The command that runs the script beside which the handler is measured, and what it is called. Node where it
 * is installed, since people would use it.
 */
export function peerRuntime(): [string[], string] {
  try {
    const { success, stdout } = new Deno.Command("node", { args: ["--version"] }).outputSync();
    if (success) return [["node"], `Node ${new TextDecoder().decode(stdout).trim().replace("v", "")}`];
  } catch {
    // Node is not installed.
  }
  return [[Deno.execPath(), "run", "-A", "--no-config"], `Deno ${Deno.version.deno} (there is no Node here)`];
}

/** The command that runs the script over a workload. */
export function peerCommand(workload: Workload): [string, ...string[]] {
  const [[command, ...args]] = peerRuntime();
  const script = fileURLToPath(new URL("peer.mjs", import.meta.url));
  return [command!, ...args, script, workload.path, peerAggregates(workload)];
}

/** Where the script leaves its aggregates, one a line. */
export function peerAggregates({ path }: Workload): string {
  return `${path}.aggregates`;
}
