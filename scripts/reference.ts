/**
 * Writes what the sources declare into the documents, between their marks: all settings into
 * docs/settings.md, all metrics into docs/metrics.md. `--check` only compares.
 */
import { METRICS } from "../src/api/prometheus.ts";
import { REGISTRY } from "../src/runtime/registry.ts";
import { renderReference } from "../src/settings/reference.ts";
import { renderMetrics } from "./metrics_reference.ts";

interface Reference {
  /** The page, and the word in its marks. */
  readonly subject: string;
  readonly text: string;
  /** Where the page's facts come from. */
  readonly declared: string;
}

const REFERENCES: readonly Reference[] = [
  {
    subject: "settings",
    text: renderReference(REGISTRY.catalogue),
    declared: "src/settings/variables.ts and of the connectors",
  },
  { subject: "metrics", text: renderMetrics(METRICS), declared: "src/api/prometheus.ts" },
];

for (const reference of REFERENCES) await write(reference);

async function write({ declared, subject, text }: Reference): Promise<void> {
  const page = `docs/${subject}.md`;
  const url = new URL(`../${page}`, import.meta.url);
  const [begin, end] = [`<!-- ${subject}: made by make fmt -->`, `<!-- end of ${subject} -->`];
  const present = await Deno.readTextFile(url);
  const [before, rest] = present.split(`${begin}\n`);
  const after = rest?.split(end)[1];
  if (after === undefined) {
    console.error(`${page} lacks the marks ${begin} and ${end}.`);
    Deno.exit(1);
  }
  const written = await formatted(`${before}${begin}\n\n${text}\n${end}${after}`);
  if (!Deno.args.includes("--check")) return await Deno.writeTextFile(url, written);
  if (written === present) return;
  console.error(`The ${subject} in ${page} are not those of ${declared}. Run \`make fmt\`.`);
  Deno.exit(1);
}

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
