import { type FleetProof, proveFleet } from "../control/fleet_proof.ts";
import { amount } from "../control/verdict.ts";
import { printable } from "../platform/log/printable.ts";
import type { Config } from "../settings/config.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { operator } from "./operator.ts";
import { report } from "./proof_report.ts";
import type { VerifyOptions } from "./verify.ts";
import { alone } from "./whose_state.ts";

/** Proves the books of several instances together, each by its state directory. */
export async function verifyFleet(
  context: CommandContext,
  directories: readonly string[],
  { json, ...order }: VerifyOptions,
): Promise<ExitCode> {
  const configs = directories.map((directory) => configFor(directory, context));
  const proof = await proveFleet(operator(), order, configs, context, context.signal);
  context.write(json ? `${JSON.stringify(recordOf(proof), undefined, 2)}\n` : textOf(proof, order));
  return proof.proven ? EXIT.done : EXIT.failed;
}

/** The settings of this shell, with the state of that instance and its name. */
function configFor(directory: string, { registry, sources }: CommandContext): Config {
  const pinned = new Map<string, string | undefined>([
    ["STATE_DIR", directory],
    ["INSTANCE_ID", StateDatabase.instanceIn(directory)],
    // The share of the instance whose shell this is says nothing of the others.
    ...["INSTANCE_COUNT", "INSTANCE_INDEX", "INSTANCE_GROUP"].map((name) => [name, undefined] as const),
  ]);
  return registry.configure({ ...alone(sources), pinned });
}

function recordOf({ instances, offsets, proven }: FleetProof) {
  return {
    proven,
    partitions: offsets.partitions,
    offsets: offsets.offsets,
    faults: offsets.faults,
    instances: instances.map(({ instance, stateFile, proof, unread }) => ({
      instance,
      state_file: stateFile,
      ...proof,
      unread_sinks: unread.map(({ sink }) => sink),
    })),
  };
}

function textOf({ instances, offsets, proven }: FleetProof, { sinceMs }: Pick<VerifyOptions, "sinceMs">) {
  const { faults, offsets: count, partitions } = offsets;
  const failed = instances.filter(({ proof }) => !proof.proven).map(({ instance }) => instance);
  const causes = [
    failed.length > 0 && `the books of ${failed.join(", ")}`,
    faults.length > 0 && amount(faults.length, "fault") + " among the offsets",
  ].filter((cause) => cause !== false);
  const lines = [
    `fleet     ${amount(instances.length, "instance")}, ${amount(partitions, "partition")}, ` +
    amount(count, "offset"),
    ...faults.map((fault) => `          ${fault}`),
    proven
      ? "PROVEN: each instance's books are right, and each offset is in the books of exactly one"
      : `NOT PROVEN: ${causes.join("; ")}`,
  ];
  return [
    ...instances.map(({ instance, proof, stateFile, unread }) =>
      `${printable(`${instance} in ${stateFile}`)}\n${report(proof, unread, sinceMs !== undefined)}\n`
    ),
    ...lines.map((line) => `${printable(line)}\n`),
  ].join("");
}
