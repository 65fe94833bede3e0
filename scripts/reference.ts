/**
 * Writes what the sources declare: all settings into docs/settings.md and all metrics into docs/metrics.md,
 * between their marks, and the schema of the chart's values. `--check` only compares.
 */
import { METRICS } from "../src/api/prometheus.ts";
import { REGISTRY } from "../src/runtime/registry.ts";
import { renderReference } from "../src/settings/reference.ts";
import { renderMetrics } from "./metrics_reference.ts";
import { valuesSchema } from "./values_schema.ts";

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

for (const reference of REFERENCES) await writePage(reference);
await write(
  "deploy/helm/vabus-data-handler/values.schema.json",
  await formatted(JSON.stringify(valuesSchema(REGISTRY.catalogue)), "json"),
  "settings",
  REFERENCES[0]!.declared,
);

async function writePage({ declared, subject, text }: Reference): Promise<void> {
  const page = `docs/${subject}.md`;
  const [begin, end] = [`<!-- ${subject}: made by make fmt -->`, `<!-- end of ${subject} -->`];
  const [before, rest] = (await present(page)).split(`${begin}\n`);
  const after = rest?.split(end)[1];
  if (after === undefined) {
    console.error(`${page} lacks the marks ${begin} and ${end}.`);
    Deno.exit(1);
  }
  const written = await formatted(`${before}${begin}\n\n${text}\n${end}${after}`, "md");
  await write(page, written, subject, declared);
}

async function write(path: string, written: string, subject: string, declared: string): Promise<void> {
  if (!Deno.args.includes("--check")) return await Deno.writeTextFile(urlOf(path), written);
  if (written === await present(path)) return;
  console.error(`The ${subject} in ${path} are not those of ${declared}. Run \`make fmt\`.`);
  Deno.exit(1);
}

function present(path: string): Promise<string> {
  return Deno.readTextFile(urlOf(path));
}

function urlOf(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}

/** The text in the form of `deno fmt`, so that it stays both generated and formatted. */
async function formatted(text: string, extension: "md" | "json"): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", extension, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.output();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(text));
  await input.close();
  const { success, stdout } = await output;
  if (!success) Deno.exit(1);
  return new TextDecoder().decode(stdout);
}
