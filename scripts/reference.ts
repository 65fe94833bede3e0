/** Writes the tables of all settings into the README, between the marks that say so. `--check` only compares. */
import { REGISTRY } from "../src/runtime/registry.ts";
import { renderReference } from "../src/settings/reference.ts";

const README = new URL("../README.md", import.meta.url);
const [BEGIN, END] = ["<!-- settings: made by make fmt -->", "<!-- end of settings -->"];

const text = await Deno.readTextFile(README);
const [before, rest] = text.split(`${BEGIN}\n`);
const after = rest?.split(END)[1];
if (after === undefined) {
  console.error(`README.md lacks the marks ${BEGIN} and ${END}.`);
  Deno.exit(1);
}
const written = `${before}${BEGIN}\n\n${renderReference(REGISTRY.catalogue)}\n${END}${after}`;
if (Deno.args.includes("--check")) {
  if (written === text) Deno.exit(0);
  console.error(
    "The settings in README.md are not those of src/settings/variables.ts and of the connectors. Run `make fmt`.",
  );
  Deno.exit(1);
}
await Deno.writeTextFile(README, written);
