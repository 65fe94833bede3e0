import { type AnyCommand, command } from "./command.ts";
import { anyText, choice, integer } from "../settings/value_type.ts";
import { repeated, single, singleOr, toggle } from "./option.ts";
import { readerConfig, stateConfig, tellingWhose } from "./whose_state.ts";
import { DEAD_LETTER_REASONS } from "../state/letters/dead_letter_reason.ts";
import { JSON_OUTPUT, STATE_VARIABLES } from "./shared_options.ts";

const REASON = single(
  "--reason",
  choice(DEAD_LETTER_REASONS),
  "only those refused for this reason",
);

const IDS = repeated("--id", integer(1, Number.MAX_SAFE_INTEGER), "the dead letter with this number");

const ALL = toggle("--all", "every dead letter");

export function listDeadLettersCommand(): AnyCommand {
  return command({
    name: "dead-letters list",
    summary: "the newest refused events and aggregates, and why",
    details: "Only reads; works while the handler runs.",
    examples: [
      ["dead-letters list --reason late --limit 20", "the newest 20 that came too late"],
      ["dead-letters list --name 'plant7*'", "whatever was refused of plant 7"],
    ],
    concerns: STATE_VARIABLES,
    options: {
      reason: REASON,
      name: singleOr(
        "--name",
        anyText("<pattern>", "a pattern of names"),
        "*",
        "only those of these names; * stands for any characters",
      ),
      limit: singleOr("--limit", integer(1, 1_000_000), "50", "most that are shown"),
      json: JSON_OUTPUT,
    },
    configure: readerConfig,
    run: tellingWhose(async (context, options) => (await import("./dead_letters.ts")).list(context, options)),
  });
}

export function exportDeadLettersCommand(): AnyCommand {
  return command({
    name: "dead-letters export",
    summary: "all of them as JSON lines on stdout, raw event included",
    details: "Only reads; works while the handler runs.",
    examples: [[
      "dead-letters export --reason invalid > invalid.jsonl",
      "to look into garbage from a device",
    ]],
    concerns: STATE_VARIABLES,
    options: { reason: REASON },
    configure: readerConfig,
    run: tellingWhose(async (context, options) =>
      (await import("./dead_letters.ts")).exportLines(context, options)
    ),
  });
}

export function retryDeadLettersCommand(): AnyCommand {
  return command({
    name: "dead-letters retry",
    summary: "aggregate or deliver them once more, after the cause is mended",
    details: "A running handler does it; where none runs, the command does it itself.",
    examples: [
      ["dead-letters retry --reason rejected", "after the sink's table was mended"],
      ["dead-letters retry --id 7 --id 9", "these two"],
    ],
    concerns: STATE_VARIABLES,
    options: { reason: REASON, ids: IDS, all: ALL },
    configure: stateConfig,
    run: tellingWhose(async (context, options) =>
      (await import("./dead_letters.ts")).retry(context, options)
    ),
  });
}

export function purgeDeadLettersCommand(): AnyCommand {
  return command({
    name: "dead-letters purge",
    summary: "throw them away for good; they stay in the books",
    details: "A running handler does it; where none runs, the command does it itself.",
    examples: [["dead-letters purge --reason invalid", "garbage that nobody needs"]],
    concerns: STATE_VARIABLES,
    options: { reason: REASON, ids: IDS, all: ALL },
    configure: stateConfig,
    run: tellingWhose(async (context, options) =>
      (await import("./dead_letters.ts")).purge(context, options)
    ),
  });
}
