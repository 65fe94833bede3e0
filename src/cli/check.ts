import { AdminError } from "../api/admin_error.ts";
import { tryAdminAddress } from "../api/admin_server.ts";
import { check as checkInstallation } from "../control/check.ts";
import type { Finding, Subject } from "../control/examination.ts";
import { probeAnswer } from "../contract/probe_answer.ts";
import { OrderError } from "../control/order_error.ts";
import { printable } from "../platform/log/printable.ts";
import { tryReceiver } from "../platform/telemetry/receiver.ts";
import type { Config } from "../settings/config.ts";
import { maskedConfig } from "../settings/effective.ts";
import { told } from "../state/alarms.ts";
import { StateLock } from "../state/file/state_lock.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { answersAsHandler } from "./health.ts";
import { receiverOf } from "./telemetry.ts";

const MARKS: Record<Finding["outcome"], string> = { ok: "ok", warning: "WARNING", failed: "FAILED" };

/** Prints the effective configuration, and whether everything that `run` needs is there, with all rights. */
export async function check(context: CommandContext): Promise<ExitCode> {
  const { config, signal, write } = context;
  write(`${maskedConfig(config)}\n`);
  for (const warning of config.warnings) write(`WARNING ${printable(warning)}\n`);
  const { findings, alarms } = await checkInstallation(context, subjectsOf(config), signal);
  for (const { outcome, title, detail } of findings) {
    write(`${MARKS[outcome].padEnd(7)} ${printable(detail === undefined ? title : `${title}: ${detail}`)}\n`);
  }
  for (const alarm of alarms) write(`ALARM   ${printable(told(alarm))}\n`);
  return findings.some(({ outcome }) => outcome === "failed") ? EXIT.failed : EXIT.done;
}

function subjectsOf(config: Config): Subject[] {
  return [...adminSubjects(config), ...telemetrySubjects(config)];
}

/** The receiver of OpenTelemetry: nothing else depends on it. */
function telemetrySubjects({ telemetry }: Config): Subject[] {
  if (telemetry === undefined) return [];
  const probe = async (signal: AbortSignal) => {
    const { signals } = telemetry;
    const problem = await tryReceiver(receiverOf(telemetry), signals, signal);
    return problem === undefined
      ? `takes ${signals.join(", ")}`
      : probeAnswer("", [`${problem}; all else works without`]);
  };
  return [{ title: `OpenTelemetry to ${telemetry.endpoint}`, probe, close: () => {} }];
}

function adminSubjects({ httpListen, httpTls, stateDir }: Config): Subject[] {
  if (httpListen === undefined) return [];
  const probe = () => tryAdmin({ ...httpListen, tls: httpTls }, stateDir);
  return [{ title: "admin listener", probe, close: () => {} }];
}

/** A port in use is no fault where the handler of this state uses it. */
async function tryAdmin(address: Parameters<typeof tryAdminAddress>[0], stateDir: string): Promise<string> {
  const { hostname, port } = address;
  try {
    tryAdminAddress(address);
    return `${hostname}:${port} is free`;
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    const holder = StateLock.holder(stateDir);
    if (holder === undefined || !await answersAsHandler(address, address.tls !== undefined)) {
      throw new OrderError("impossible", error.message);
    }
    return `${hostname}:${port} is the running handler's, of ${holder}`;
  }
}
