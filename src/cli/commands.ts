import type { Registry } from "../runtime/registry.ts";
import type { AnyCommand } from "./command.ts";
import { onceCommand, runCommand } from "./handler_commands.ts";
import { demoCommand } from "./demo_command.ts";
import { busCommand } from "./bus_command.ts";
import { completionCommands } from "./completion_commands.ts";
import { checkCommand, schemaCommand } from "./settings_commands.ts";
import { healthCommand, statusCommand } from "./state_commands.ts";
import { tapCommand } from "./tap_command.ts";
import { redeliverCommand, verifyCommand } from "./proof_commands.ts";
import { backupCommand, restoreCommand } from "./backup_commands.ts";
import { checkFlinkCommand, flinkCommand } from "./flink_commands.ts";
import {
  exportDeadLettersCommand,
  listDeadLettersCommand,
  purgeDeadLettersCommand,
  retryDeadLettersCommand,
} from "./dead_letter_commands.ts";

export const DEFAULT_COMMAND = "run";

/**
 * Every command, in the order of the help. The code of a command is imported only when it runs, so that the
 * start stays quick.
 */
export function commandsOf(registry: Registry): readonly AnyCommand[] {
  return [
    runCommand(registry),
    onceCommand(registry),
    demoCommand(registry),
    busCommand(registry),
    checkCommand(registry),
    schemaCommand(registry),
    statusCommand(),
    tapCommand(),
    healthCommand(registry),
    verifyCommand(registry),
    redeliverCommand(registry),
    backupCommand(registry),
    restoreCommand(registry),
    flinkCommand(registry),
    checkFlinkCommand(registry),
    listDeadLettersCommand(),
    exportDeadLettersCommand(),
    retryDeadLettersCommand(),
    purgeDeadLettersCommand(),
    ...completionCommands(registry),
  ];
}

/** The summaries of first words of two-word commands. */
export const FAMILIES: Readonly<Record<string, string>> = {
  "dead-letters": "the events and aggregates that were refused: why, and a way back",
  completion: "what a shell completes when Tab is pressed: commands, flags, values, files",
};
