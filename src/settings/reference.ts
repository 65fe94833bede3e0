import type { Catalogue } from "./catalogue.ts";

/** The Markdown tables of every variable, one a group, for the README. */
export function renderReference(catalogue: Catalogue): string {
  return catalogue.groups.map((group) => {
    const rows = catalogue.names.filter((name) => catalogue.entry(name).group === group)
      .map((name) => rowOf(name, catalogue));
    return [
      `### ${group}`,
      "",
      "| variable | default | meaning | example |",
      "|---|---|---|---|",
      ...rows,
      "",
    ]
      .join("\n");
  }).join("\n");
}

function rowOf(name: string, catalogue: Catalogue): string {
  const { default: value, defaultText, help, type, example, atStart } = catalogue.variable(name);
  const file = catalogue.fileVariable(name);
  const names = file === undefined ? `\`${name}\`` : `\`${name}\`, \`${file}\``;
  const fallback = value === undefined ? defaultText ?? "-" : `\`${value}\``;
  const restart = atStart ? ". A change takes a restart" : "";
  const meaning = `${capitalized(help)}. ${capitalized(type.allowed)}${restart}`;
  return `| ${[names, fallback, meaning, `\`${example}\``].map(escaped).join(" | ")} |`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A bar ends a cell, also within code; angle brackets outside of code would be taken for HTML. */
function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|").replace(
    /`[^`]*`|[<>*]/g,
    (part) => part.length > 1 ? part : `\\${part}`,
  );
}
