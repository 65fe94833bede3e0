import { examineCluster } from "../flink/cluster_examination.ts";
import { SqlGateway } from "../flink/sql_gateway.ts";
import { printable } from "../platform/log/printable.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { shown, surroundingsOf, told } from "./flink.ts";
import { type FlinkFlags, jobOf } from "./flink_job_options.ts";

/** Says what of the job would run at a gateway. */
export async function checkFlink(
  context: CommandContext,
  { gateway: url, ...flags }: FlinkFlags & { readonly gateway: string },
): Promise<ExitCode> {
  const { config, write } = context;
  const job = jobOf(context, flags, (_, value) => value);
  let isSound = true;
  try {
    await using gateway = await SqlGateway.open(url, surroundingsOf(context));
    for await (const { isWell, words } of examineCluster(gateway, job)) {
      isSound &&= isWell;
      write(isWell ? `ok      ${words}\n` : `FAILED  ${shown(words, config.secrets)}\n`);
    }
  } catch (error) {
    throw told(error, context);
  }
  for (const sentence of job.leftOut) write(`WARNING ${printable(sentence)}\n`);
  return isSound ? EXIT.done : EXIT.failed;
}
