import type { Proof } from "./proof.ts";
import type { UnreadSink } from "./proof_scope.ts";

/** What a verdict depends on beside the proof. */
export interface VerdictScope {
  readonly unread: readonly UnreadSink[];
  /** Whether only the windows of a span were compared. Then the verdict is about these only. */
  readonly isPart: boolean;
  /** Says where the losses are listed, such as `, as told above`. */
  readonly lossesAt: string;
  /** How what leaves old rows out is called where the proof was asked for, such as `--since`. */
  readonly sinceName: string;
}

/** The proof in one sentence. Nobody says more of a proof than this. */
export function verdictOf(proof: Proof, { isPart, lossesAt, sinceName, unread }: VerdictScope): string {
  const { lost, perhaps_counted_twice: doubtful, proven, resets } = proof;
  const twice = doubtful === 0
    ? "none is counted twice"
    : `it is unknown whether ${amount(doubtful, "event")} that a bus gave again count twice`;
  const span = isPart ? " for the windows of that span" : "";
  const but = unread.length === 0 ? "" : ` (without ${unread.map(({ sink }) => sink).join(", ")})`;
  if (!proven) return `NOT PROVEN: ${causesOf(proof, sinceName).join("; ")}${but}`;
  const unknown = resets === 0
    ? ""
    : `; a bus began anew or went back ${amount(resets, "time")}, and what it had unread then is unknown`;
  const losses = lost > 0
    ? `, except ${lost} that ${lost === 1 ? "was" : "were"} lost${lossesAt}`
    : `: no event is ${resets === 0 ? "lost" : "known to be lost"}`;
  const isWhole = lost + doubtful + resets === 0;
  return `PROVEN${span}${losses}${isWhole ? "," : ";"} ${twice}${unknown}${but}`;
}

function causesOf({ sinks, state_faults: faults }: Proof, sinceName: string): string[] {
  const found = sinks.reduce((sum, { difference_count: count }) => sum + count, 0);
  const failed = sinks.filter(({ failure }) => failure !== null).map(({ sink }) => sink);
  return [
    faults.length > 0 &&
    `${amount(faults.length, "fault")} in the state (keep a backup of it, and report this defect)`,
    found > 0 &&
    `${
      amount(found, "difference")
    } (was a table restored, purged or written to by others? ${sinceName} leaves old rows out)`,
    failed.length > 0 &&
    `${failed.join(", ")} could not be read (\`check\` says whether it can be reached)`,
  ].filter((cause) => cause !== false);
}

/** A count with its noun: `1 row`, `2 rows`. */
export function amount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
