/** Writes the list of all settings into docs/settings.md, between its marks. `--check` only compares. */
import { REGISTRY } from "../src/runtime/registry.ts";
import { renderReference } from "../src/settings/reference.ts";

const PAGE = new URL("../docs/settings.md", import.meta.url);
const [BEGIN, END] = ["<!-- settings: made by make fmt -->", "<!-- end of settings -->"];

const text = await Deno.readTextFile(PAGE);
const [before, rest] = text.split(`${BEGIN}\n`);
const after = rest?.split(END)[1];
if (after === undefined) {
  console.error(`docs/settings.md lacks the marks ${BEGIN} and ${END}.`);
  Deno.exit(1);
}
const written = await formatted(
  `${before}${BEGIN}\n\n${renderReference(REGISTRY.catalogue)}\n${END}${after}`,
);
if (Deno.args.includes("--check")) {
  if (written === text) Deno.exit(0);
  console.error(
    "The settings in docs/settings.md are not those of src/settings/variables.ts and of the " +
      "connectors. Run `make fmt`.",
  );
  Deno.exit(1);
}
await Deno.writeTextFile(PAGE, written);

/** The page in the form of `deno fmt`, so that it stays both generated and formatted. */
async function formatted(markdown: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.output();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(markdown));
  await input.close();
  const { success, stdout } = await output;
  if (!success) Deno.exit(1);
  return new TextDecoder().decode(stdout);
}
