import { printable } from "../platform/log/printable.ts";
import { readableSinks } from "../runtime/parts.ts";
import type { ReadableSink } from "../contract/sink.ts";
import type { Config } from "../settings/config.ts";
import type { ConfiguredSink } from "../state/outbox/registered_sink.ts";
import type { Installation } from "./installation.ts";
import { OrderError } from "./order_error.ts";
import { type Proof, proofOf } from "./proof.ts";

/** A sink that was not compared. */
export interface UnreadSink {
  readonly sink: string;
  readonly kind: string;
  /** Whether it is compared on request; otherwise it cannot be compared. */
  readonly isReadable: boolean;
}

/** Which sinks a proof reads, and what it says of the others. */
export interface ProofScope {
  readonly asked: readonly ReadableSink[];
  readonly unread: readonly UnreadSink[];
  /** Sinks that cannot be read with the settings of this shell. */
  readonly lacking: Config["lacking"];
  close(): Promise<void>;
}

/** @throws {OrderError} The order names a sink that there is not, or that cannot be read. */
export function assertProvable(
  { scanned }: { readonly scanned: readonly string[] },
  { config, registry }: Pick<Installation, "config" | "registry">,
): void {
  for (const kind of scanned) {
    if (!config.sinkNames.some((sink) => sink.kind === kind)) {
      throw new OrderError(
        "wrong",
        (option) =>
          `${option(`--${printable(kind)}`, "scan")}: ${printable(kind)} is not in STORAGE_TYPE, so there ` +
          "is nothing to read. Leave it out, or give the handler's settings.",
      );
    }
    if (registry.sink({ kind }).readBack === undefined) {
      throw new OrderError(
        "wrong",
        (option) =>
          `${option(`--${kind}`, "scan")}: what ${kind} was given cannot be read back. Leave it out.`,
      );
    }
  }
}

/**
 * @param scanned Kinds of sinks that are read although that means reading everything in them.
 * @param inState The sinks that the handler delivers to.
 */
export async function proofScope(
  { config, logger, registry }: Installation,
  scanned: readonly string[],
  inState: readonly ConfiguredSink[],
): Promise<ProofScope> {
  const sinks = await readableSinks(config, logger, registry, scanned);
  // Without STORAGE_TYPE, sinks of the settings are no more than a guess.
  const isGuess = config.settings.some(({ origin, variable }) =>
    variable === "STORAGE_TYPE" && origin === "default"
  );
  return {
    asked: sinks.filter(({ id }) => !isGuess || inState.some((known) => known.id === id)),
    unread: sinksInQuestion(config, inState).flatMap(({ id, kind }) => {
      const { readBack } = registry.sink({ kind });
      const isRead = readBack === "cheap" || (readBack !== undefined && scanned.includes(kind));
      return isRead ? [] : [{ sink: id, kind, isReadable: readBack !== undefined }];
    }),
    lacking: [...config.lacking, ...unnamedSinks(config, inState)],
    async close() {
      for (const sink of sinks) await sink.close();
    },
  };
}

/**
 * Sinks with settings that are missing in this shell are reported as not proven, except those that nobody
 * asked to read.
 */
export function withLacking(proof: Proof, { lacking, unread }: Omit<ProofScope, "asked" | "close">): Proof {
  const failed = lacking.filter(({ sink }) => !unread.some((known) => known.sink === sink)).map(
    ({ sink, problem }) =>
      proofOf(sink, {
        differences: [],
        differenceCount: 0,
        failure: { kind: "misconfigured", message: problem },
      }),
  );
  return failed.length === 0 ? proof : { ...proof, proven: false, sinks: [...proof.sinks, ...failed] };
}

/** The sinks of the settings, and those that only the state knows. */
function sinksInQuestion({ sinkNames }: Config, inState: readonly ConfiguredSink[]): Config["sinkNames"] {
  const others = inState.filter((sink) => !sinkNames.some(({ id }) => id === sink.id));
  return [...sinkNames, ...others.map(({ id, kind }) => ({ id, kind }))];
}

/** The sinks that the handler delivers to and the settings of this shell do not name. */
function unnamedSinks({ sinkNames }: Config, inState: readonly ConfiguredSink[]): Config["lacking"] {
  const named = inState.map(({ id, kind }) => id === kind ? id : `${id}:${kind}`).join(",");
  return inState.filter((sink) => !sinkNames.some(({ id }) => id === sink.id)).map(({ id }) => ({
    sink: id,
    problem:
      `the handler delivers to it, and STORAGE_TYPE does not name it here. Give the handler's settings, ` +
      `such as by --env-file, or STORAGE_TYPE=${named} and what belongs to it`,
  }));
}
