import { printable } from "../platform/log/printable.ts";
import type { Config } from "./config.ts";

/** The effective configuration as lines for people: secrets masked, each value with its origin. */
export function maskedConfig(config: Config): string {
  const groups = [...new Set(config.settings.map(({ group }) => group))];
  const lines = groups.map((group) => {
    const rows = config.settings.filter((setting) => setting.group === group);
    return [
      `# ${group}`,
      ...rows.map(({ variable: name, value, origin, defaultText }) =>
        value === undefined
          ? `# ${name} is not set${defaultText === undefined ? "" : ` (${defaultText})`}`
          : printable(`${`${name}=${value}`.padEnd(60)} # ${origin}`)
      ),
    ].join("\n");
  });
  return `${lines.join("\n\n")}\n`;
}
