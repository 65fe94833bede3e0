import { readableSinks } from "../runtime/parts.ts";
import { ALL_WINDOWS, type Proof, type SinkProof, verify as proveBooks } from "../control/verification.ts";
import type { Logger } from "../platform/log/logger.ts";
import { readAlarms, settleAlarms } from "../state/alarms.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { isWaitedOut } from "../state/file/state_error.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { operator } from "./operator.ts";
import { printable } from "../platform/log/printable.ts";

export interface VerifyOptions {
  readonly sinceMs: number | undefined;
  /** Kinds of sinks that are read although all that they hold has to be. */
  readonly scanned: readonly string[];
  readonly json: boolean;
}

/** A sink that is not compared. */
export interface Unread {
  readonly sink: string;
  /** What to add to have it compared; undefined: it cannot be. */
  readonly flag: string | undefined;
}

/** Proves the books on the state and against every sink whose rows can be read back. */
export async function verify(
  { config, registry, logger, signal, write }: CommandContext,
  { sinceMs, scanned, json }: VerifyOptions,
): Promise<ExitCode> {
  const lacking = new Map(config.lacking.map(({ sink, problem }) => [sink, problem]));
  for (const kind of scanned) {
    if (config.sinkNames.some((sink) => sink.kind === kind)) continue;
    throw new CommandError(
      EXIT.usage,
      `--${kind}: ${kind} is not in STORAGE_TYPE, so there is nothing to read. Leave it out, or give the handler's settings.`,
    );
  }
  const state = StateDatabase.openForReading(config.stateDir);
  const sinks = readableSinks(config, logger, registry, scanned);
  const unread: Unread[] = [];
  for (const { id, kind } of config.sinkNames) {
    const { readBack } = registry.sink({ kind });
    if (readBack === "cheap" || (readBack !== undefined && scanned.includes(kind))) continue;
    unread.push({ sink: id, flag: readBack === undefined ? undefined : `--${kind}` });
    lacking.delete(id);
  }
  try {
    const read = await proveBooks(state, sinks, {
      ...ALL_WINDOWS,
      ...(sinceMs !== undefined && { sinceMs }),
    }, signal);
    const proof = lacking.size === 0 ? read : {
      ...read,
      proven: false,
      sinks: [...read.sinks, ...Array.from(lacking, ([sink, problem]) => unreadable(sink, problem))],
    };
    write(
      json
        ? `${
          JSON.stringify(
            {
              instance: state.instanceId,
              state_file: state.path,
              ...proof,
              unread_sinks: unread.map(({ sink }) => sink),
            },
            undefined,
            2,
          )
        }\n`
        : report(proof, unread, sinceMs !== undefined),
    );
    if (sinceMs === undefined) settleProven(state, config.stateDir, proof, "verify", logger);
    return proof.proven ? EXIT.done : EXIT.failed;
  } finally {
    for (const sink of sinks) await sink.close();
    state.close();
  }
}

/** A sink about which something is not there in this shell. */
function unreadable(sink: string, problem: string): SinkProof {
  return {
    sink,
    expected_events: null,
    found_events: null,
    waiting_events: 0,
    refused_events: 0,
    windows_compared: 0,
    rows_compared: 0,
    differences: [],
    deleted_events: 0,
    rows_since: null,
    difference_count: 0,
    failure: { kind: "misconfigured", message: problem },
  };
}

/** Ends the alarms over sinks that hold all they must, and nothing else. @param action The command that has proven them, for the audit. */
export function settleProven(
  read: StateDatabase,
  stateDir: string,
  proof: Proof,
  action: string,
  logger: Logger,
): void {
  const proven = proof.sinks.filter((sink) => sink.difference_count === 0 && sink.failure === null)
    .map(({ sink }) => sink).filter((name) => readAlarms(read).some(({ sink }) => sink === name));
  if (proven.length === 0) return;
  const state = StateDatabase.openForRequest(stateDir);
  try {
    for (const sink of proven) {
      settleAlarms(state, sink, { who: operator(), atMs: Date.now(), action, detail: sink });
      logger.info("the alarms over the sink are settled: it is proven", { sink });
    }
  } catch (error) {
    if (!isWaitedOut(error)) throw error;
    logger.warn("the alarms over proven sinks stand until somebody proves them who may write the state", {
      error: error.message,
    });
  } finally {
    state.close();
  }
}

/**
 * The proof for people; the last line is the verdict.
 *
 * @param isPart Whether only the windows of a span were compared, which is then all that the verdict speaks of.
 */
export function report(proof: Proof, unread: readonly Unread[], isPart: boolean): string {
  const { proven, state_faults: faults, sinks, losses, lost, kept_letters: kept } = proof;
  const doubtful = proof.perhaps_counted_twice;
  const twice = doubtful === 0
    ? "none is counted twice"
    : `of ${
      amount(doubtful, "event")
    } that a restored bus gave again nobody can tell whether they are counted twice`;
  const span = isPart ? " for the windows of that span" : "";
  const found = sinks.reduce((sum, { difference_count: count }) => sum + count, 0);
  const failed = sinks.filter(({ failure }) => failure !== null).map(({ sink }) => sink);
  const causes = [
    faults.length > 0 &&
    `${amount(faults.length, "fault")} in the state (keep a backup of it, and report this defect)`,
    found > 0 &&
    `${
      amount(found, "difference")
    } (was a table restored, purged or written to by others? --since leaves old rows out)`,
    failed.length > 0 &&
    `${failed.join(", ")} could not be read (\`check\` says whether it can be reached)`,
  ].filter(Boolean);
  const but = unread.length === 0 ? "" : ` (without ${unread.map(({ sink }) => sink).join(", ")})`;
  const lines = [
    line("state", faults.length === 0 ? "the books balance" : amount(faults.length, "fault")),
    ...faults.map(detail),
    ...sinks.flatMap(sinkReport),
    ...unread.map(({ sink, flag }) =>
      line(sink, flag === undefined ? "cannot be read back" : `not read: add ${flag}`)
    ),
    ...(kept > 0
      ? [
        line(
          "refused",
          `${amount(kept, "dead letter")} kept: dead-letters list says why, retry is the way back`,
        ),
      ]
      : []),
    ...losses.map(({ count, unit, what }) => line("lost", `${amount(count, unit)} ${what}`)),
    proven
      ? lost === 0
        ? `PROVEN${span}: no event is lost${doubtful === 0 ? "," : ";"} ${twice}${but}`
        : `PROVEN${span}, except ${lost} that were lost, as told above; ${twice}${but}`
      : `NOT PROVEN: ${causes.join("; ")}${but}`,
  ];
  return lines.map((text) => `${printable(text)}\n`).join("");
}

function sinkReport(proof: SinkProof): string[] {
  if (proof.failure) return [line(proof.sink, `FAILED: ${proof.failure.message}`)];
  const verdict = proof.difference_count === 0 ? "equal" : amount(proof.difference_count, "difference");
  const parts = [
    proof.expected_events === null
      ? "sum not taken (--since)"
      : `${proof.found_events} of ${amount(proof.expected_events, "event")}`,
    proof.waiting_events > 0 && `${proof.waiting_events} more on their way`,
    proof.refused_events > 0 && `${proof.refused_events} more in rows that it rejected`,
    proof.rows_since !== null &&
    `${amount(proof.deleted_events, "event")} of them in rows that it has deleted for their age`,
    `${amount(proof.rows_compared, "row")} in ${amount(proof.windows_compared, "window")} compared${
      proof.rows_since === null ? "" : `, all from ${new Date(proof.rows_since * 1000).toISOString()} on`
    }`,
  ].filter(Boolean);
  const hidden = proof.difference_count - proof.differences.length;
  return [
    line(proof.sink, `${verdict}: ${parts.join(", ")}`),
    ...proof.differences.map(detail),
    ...(hidden > 0 ? [detail(`… and ${hidden} more`)] : []),
  ];
}

function line(label: string, text: string): string {
  return `${label.padEnd(9)} ${text}`;
}

function detail(text: string): string {
  return line("", text);
}

export function amount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
