import type { Catalogue } from "./catalogue.ts";

/** Every variable as a Markdown list, one a group, for docs/settings.md. */
export function renderReference(catalogue: Catalogue): string {
  return catalogue.groups.map((group) => {
    const items = catalogue.names.filter((name) => catalogue.entry(name).group === group)
      .map((name) => itemOf(name, catalogue));
    return [`### ${group}`, "", ...items, ""].join("\n");
  }).join("\n");
}

function itemOf(name: string, catalogue: Catalogue): string {
  const { help } = catalogue.variable(name);
  const file = catalogue.fileVariable(name);
  const names = [name, ...file === undefined ? [] : [file]].map((each) => `**\`${each}\`**`).join(", ");
  const facts = factsOf(name, catalogue, { prose: plain, code: (text) => `\`${text}\`` });
  return [`- ${names}: ${plain(help)}.`, ...facts].join(" ");
}

/** How a document marks what stands in it. */
export interface Marks {
  readonly prose: (text: string) => string;
  readonly code: (text: string) => string;
}

/** What is to be known of a setting beside its help, as sentences. */
export function factsOf(name: string, catalogue: Catalogue, { prose, code }: Marks): string[] {
  const { default: value, defaultText, example, needed, atStart } = catalogue.variable(name);
  const allowed = allowedOf(name, catalogue);
  const facts = [
    allowed === "" ? "" : `Allowed: ${prose(allowed)}.`,
    value !== undefined
      ? `Default: ${code(value)}.`
      : defaultText !== undefined
      ? `Default: ${prose(defaultText)}.`
      : "",
    `Example: ${code(example)}.`,
    needed ? "This sink cannot do without it." : "",
    atStart ? "A change takes a restart." : "",
  ];
  return facts.filter((fact) => fact !== "");
}

/** Empty where the help says it, or where the setting before is of the same type. */
function allowedOf(name: string, catalogue: Catalogue): string {
  const { type } = catalogue.variable(name);
  const before = catalogue.names[catalogue.names.indexOf(name) - 1];
  if (before !== undefined && catalogue.variable(before).type === type) return "";
  return type.inReference ?? type.allowed;
}

/**
 * Names of variables become code. Angle brackets are escaped, which would be HTML, and stars, which would be
 * emphasis.
 */
function plain(text: string): string {
  return text.replace(
    /\$?\b[A-Z]+(?:_[A-Z]+)+\b|[<>*]/g,
    (part) => part.length > 1 ? `\`${part}\`` : `\\${part}`,
  );
}
