import { provableSinks } from "../handler/parts.ts";
import { type Proof, type SinkProof, verify as proveBooks } from "../handler/verification.ts";
import { StateDatabase } from "../store/state_database.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { printable } from "../log/printable.ts";

export interface VerifyOptions {
  readonly sinceMs: number | undefined;
  readonly json: boolean;
}

/** Proves the books on the state and against every SQL sink. */
export async function verify(
  { config, logger, signal, write }: CommandContext,
  { sinceMs, json }: VerifyOptions,
): Promise<ExitCode> {
  const state = StateDatabase.openForReading(config.stateDir);
  const sinks = provableSinks(config, logger);
  try {
    const proof = await proveBooks(state, sinks, sinceMs ?? -Infinity, signal);
    write(json ? `${JSON.stringify(proof, undefined, 2)}\n` : report(proof));
    return proof.proven ? EXIT.done : EXIT.failed;
  } finally {
    for (const sink of sinks) await sink.close();
    state.close();
  }
}

function report({ proven, state_faults: faults, sinks }: Proof): string {
  const lines = [
    faults.length === 0 ? "state     the books balance" : `state     ${faults.length} faults`,
    ...faults.map((fault) => `          ${fault}`),
    ...sinks.flatMap(sinkReport),
    proven ? "PROVEN" : "NOT PROVEN",
  ];
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function sinkReport(proof: SinkProof): string[] {
  const compared = `${proof.rows_compared} rows of ${proof.windows_compared} windows compared`;
  const sum = proof.expected_events === null
    ? "sum not taken (--since)"
    : `${proof.found_events} events of ${proof.expected_events} expected`;
  const missing = [
    proof.waiting_events > 0 && `${proof.waiting_events} on their way`,
    proof.refused_events > 0 && `${proof.refused_events} in rows that it rejected`,
  ].filter(Boolean);
  const verdict = proof.difference_count === 0 ? "equal" : `${proof.difference_count} differences`;
  return [
    `${proof.sink.padEnd(9)} ${[sum, ...missing, compared].join(", ")}: ${verdict}`,
    ...proof.differences.map((difference) => `          ${difference}`),
    ...(proof.difference_count > proof.differences.length ? ["          …"] : []),
  ];
}
