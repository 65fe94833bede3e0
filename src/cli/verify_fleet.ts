import { BOOKS } from "../api/books_endpoint.ts";
import type { RemoteBooks } from "../control/books_proof.ts";
import { type FleetMember, type FleetProof, proveFleet } from "../control/fleet_proof.ts";
import { amount } from "../control/verdict.ts";
import { printable } from "../platform/log/printable.ts";
import { writeStderr } from "../platform/terminal/streams.ts";
import type { Config } from "../settings/config.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import type { FleetAddress } from "./fleet_option.ts";
import { EXPOSED_TOKEN, ListenerClient } from "./listener_client.ts";
import { ListenerError } from "./listener_error.ts";
import { operator } from "./operator.ts";
import { report } from "./proof_report.ts";
import type { VerifyOptions } from "./verify.ts";
import { alone } from "./whose_state.ts";

/** The handler answers after 30 s at most. */
const ANSWER_MAX_MS = 35_000;

/** Proves the books of several instances together, each by its state directory or its admin listener. */
export async function verifyFleet(
  context: CommandContext,
  addresses: readonly FleetAddress[],
  { json, ...order }: VerifyOptions,
): Promise<ExitCode> {
  const isRemote = addresses.some((address) => "url" in address);
  if (isRemote && order.sinceMs !== undefined) {
    throw new CommandError(
      EXIT.usage,
      "--since does not go with the URL of an instance: its windows can be compared only where its state " +
        "is. Leave --since out, or name its STATE_DIR.",
    );
  }
  const members = addresses.map((address) => memberAt(address, context));
  const proof = await proveFleet(operator(), order, members, context, context.signal);
  context.write(json ? `${JSON.stringify(recordOf(proof), undefined, 2)}\n` : textOf(proof, order, isRemote));
  return proof.proven ? EXIT.done : EXIT.failed;
}

/** The settings of this shell, with the state of that instance and its name. */
function memberAt(address: FleetAddress, { config, registry, sources }: CommandContext): FleetMember {
  const pinned = new Map<string, string | undefined>([
    ...("url" in address ? [] : [
      ["STATE_DIR", address.directory],
      ["INSTANCE_ID", StateDatabase.instanceIn(address.directory)],
    ] as const),
    // The share of the instance whose shell this is says nothing of the others.
    ...["INSTANCE_COUNT", "INSTANCE_INDEX", "INSTANCE_GROUP"].map((name) => [name, undefined] as const),
  ]);
  return {
    config: registry.configure({ ...alone(sources), pinned }),
    remote: "url" in address ? booksAt(address.url, config) : undefined,
  };
}

function booksAt(url: string, config: Config): RemoteBooks {
  const client = ListenerClient.of(config, url)!;
  if (client.exposesToken) writeStderr(EXPOSED_TOKEN);
  return {
    url,
    async look(signal) {
      try {
        return await client.get("/api/books", BOOKS, signal, ANSWER_MAX_MS);
      } catch (error) {
        if (!(error instanceof ListenerError) || error.kind !== "absent") throw error;
        throw new ListenerError(error.kind, `${error.message} Start the handler, or name its STATE_DIR.`);
      }
    },
  };
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

function textOf(
  { instances, offsets, proven }: FleetProof,
  { sinceMs }: Pick<VerifyOptions, "sinceMs">,
  isRemote: boolean,
): string {
  const { faults, offsets: count, partitions } = offsets;
  const failed = instances.filter(({ proof }) => !proof.proven).map(({ instance }) => instance);
  const causes = [
    failed.length > 0 && `the books of ${failed.join(", ")}`,
    faults.length > 0 && amount(faults.length, "fault") + " among the offsets",
  ].filter((cause) => cause !== false);
  const lines = [
    `fleet     ${amount(instances.length, "instance")}, ${amount(partitions, "partition")}, ` +
    amount(count, "offset"),
    ...(isRemote ? ["          of an instance by its URL, sums were compared and no single rows"] : []),
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
