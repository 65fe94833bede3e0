import { prove, type ProvingOrder } from "../control/proving.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { operator } from "./operator.ts";
import { report } from "./proof_report.ts";

export interface VerifyOptions extends ProvingOrder {
  readonly json: boolean;
}

/** Proves the books, within the state and against every sink whose rows can be read back. */
export async function verify(context: CommandContext, { json, ...order }: VerifyOptions): Promise<ExitCode> {
  const { instance, stateFile, proof, unread } = await prove(operator(), order, context, context.signal);
  const result = {
    instance,
    state_file: stateFile,
    ...proof,
    unread_sinks: unread.map(({ sink }) => sink),
  };
  context.write(
    json ? `${JSON.stringify(result, undefined, 2)}\n` : report(proof, unread, order.sinceMs !== undefined),
  );
  return proof.proven ? EXIT.done : EXIT.failed;
}
