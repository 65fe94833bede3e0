import type { Proof, SinkProof } from "../control/proof.ts";
import type { UnreadSink } from "../control/proof_scope.ts";
import { amount, verdictOf } from "../control/verdict.ts";
import { printable } from "../platform/log/printable.ts";

/**
 * The proof as text; the last line is the verdict.
 *
 * @param isPart Whether only the windows of a span were compared. Then the verdict is about these only.
 */
export function report(proof: Proof, unread: readonly UnreadSink[], isPart: boolean): string {
  const { state_faults: faults, sinks, losses, kept_letters: kept } = proof;
  const lines = [
    line("state", faults.length === 0 ? "the books balance" : amount(faults.length, "fault")),
    ...faults.map(detail),
    ...sinks.flatMap(sinkReport),
    ...unread.map(({ sink, kind, isReadable }) =>
      line(sink, isReadable ? `not read: add --${kind}` : "cannot be read back")
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
    verdictOf(proof, { unread, isPart, lossesAt: ", as told above", sinceName: "--since" }),
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
    ...proof.tiers.map(({ window_seconds: length, found_events: found }) =>
      detail(`windows of ${length} s: ${amount(found, "event")}`)
    ),
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
