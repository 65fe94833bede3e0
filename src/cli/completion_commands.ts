import { loadBusConfig } from "../settings/bus_config.ts";
import type { Registry } from "../runtime/registry.ts";
import { type AnyCommand, command } from "./command.ts";
import { nowhere } from "./settings_commands.ts";

/** A shell that can be told what to complete, and what an operator does with its script. */
interface Shell {
  readonly name: "bash" | "zsh" | "fish";
  readonly examples: readonly (readonly [args: string, effect: string])[];
}

const SHELLS: readonly Shell[] = [
  {
    name: "bash",
    examples: [
      [
        "completion bash > /etc/bash_completion.d/vabus-data-handler",
        "for all users, from their next shell on",
      ],
      ["completion bash > ~/.vabus-completion; . ~/.vabus-completion", "for this shell"],
    ],
  },
  {
    name: "zsh",
    examples: [[
      "completion zsh > /usr/local/share/zsh/site-functions/_vabus-data-handler",
      "for all users, from their next shell on",
    ]],
  },
  {
    name: "fish",
    examples: [[
      "completion fish > ~/.config/fish/completions/vabus-data-handler.fish",
      "for yourself, at once",
    ]],
  },
];

export function completionCommands(registry: Registry): AnyCommand[] {
  return SHELLS.map(({ name, examples }) =>
    command({
      name: `completion ${name}`,
      summary: `the script that makes ${name} complete commands, flags and values`,
      details: "Prints it. The script stands alone: completing starts no program. Packages bring it along.",
      examples,
      concerns: [],
      options: {},
      configure: (sources) => loadBusConfig(nowhere(sources), registry.catalogue),
      run: async (context) => (await import("./completion/completion.ts")).completion(context, name),
    })
  );
}
