import type { Catalogue } from "../src/settings/catalogue.ts";
import { factsOf } from "../src/settings/reference.ts";

const WIDTH = 100;
const AS_WRITTEN = { prose: (text: string) => text, code: (text: string) => text };

/** An env file in which every setting stands as a comment: what it is, and a line to take the # from. */
export function settingsTemplate(catalogue: Catalogue): string {
  const groups = catalogue.groups.flatMap((group) => [
    `## ${group}`,
    "",
    ...catalogue.names.filter((name) => catalogue.entry(name).group === group)
      .flatMap((name) => [...comment(textOf(name, catalogue)), lineOf(name, catalogue), ""]),
  ]);
  return [
    ...comment(
      "Settings of VaBus Data Handler, one NAME=value a line; vabus-data-handler(5) has the same list. " +
        "Take away the # before a name to set it. `systemctl reload vabus-data-handler` has the service " +
        "read this file again; some settings take a restart.",
    ),
    "",
    ...groups,
  ].join("\n");
}

function textOf(name: string, catalogue: Catalogue): string {
  const { help } = catalogue.variable(name);
  return [`${help.charAt(0).toUpperCase()}${help.slice(1)}.`, ...factsOf(name, catalogue, AS_WRITTEN)].join(
    " ",
  );
}

function lineOf(name: string, catalogue: Catalogue): string {
  const { default: value, example, secret } = catalogue.variable(name);
  // The example of a secret names the variable of its file.
  return secret && example.includes("=") ? `#${example}` : `#${name}=${value ?? example}`;
}

function comment(text: string): string[] {
  const lines: string[] = [];
  let line = "#";
  for (const word of text.split(" ")) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
