import { printable } from "../platform/log/printable.ts";
import type { Config } from "./config.ts";
import { GROUPS, variable, type VariableName } from "./variables.ts";

/** The effective configuration, secrets masked, each value with where it comes from: for people, in lines. */
export function maskedConfig(config: Config): string {
  const lines = GROUPS.map((group) => {
    const rows = config.settings.filter((setting) => setting.group === group);
    return [
      `# ${group}`,
      ...rows.map(({ variable: name, value, origin }) =>
        value === undefined
          ? `# ${name} is not set${defaultNote(name)}`
          : printable(`${`${name}=${value}`.padEnd(60)} # ${origin}`)
      ),
    ].join("\n");
  });
  return `${lines.join("\n\n")}\n`;
}

function defaultNote(name: VariableName): string {
  const { defaultText } = variable(name);
  return defaultText === undefined ? "" : ` (${defaultText})`;
}
