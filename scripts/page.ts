/**
 * Bundles the dashboard's page, src/dashboard. As a program it prints the files of the page as JSON.
 *
 *   scripts/deno.sh run -A scripts/page.ts
 */
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = join(ROOT, "src/dashboard");
const BEST_COMPRESSION = 9;

/** Each file's content, gzipped, in base64, by its name. */
export type PackedPage = Record<string, string>;

/**
 * The files of the page. The HTML names the others together with a hash of their content, so that browsers
 * may keep them for ever.
 *
 * @throws {Error} The bundler found a fault in the sources.
 */
export async function packedPage(): Promise<PackedPage> {
  const uplot = fileURLToPath(import.meta.resolve("uplot/dist/uPlot.min.css"));
  const files: Record<string, string> = {
    "page.js": await bundledCode(),
    "page.css": (await Promise.all([uplot, join(SOURCES, "page.css")].map((file) => Deno.readTextFile(file))))
      .map(withoutSpaces).join("\n"),
    "icon.svg": withoutSpaces(await Deno.readTextFile(join(SOURCES, "icon.svg"))),
  };
  const html = await Deno.readTextFile(join(SOURCES, "index.html"));
  const page = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, gzipped(text)]));
  page["index.html"] = gzipped(
    withoutSpaces(html).replace(
      /"assets\/([\w.]+)"/g,
      (_, name: string) => `"assets/${name}?v=${hashOf(page[name]!)}"`,
    ),
  );
  return Object.fromEntries(Object.entries(page).map(([name, bytes]) => [name, bytes.toString("base64")]));
}

async function bundledCode(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--platform=browser",
      "--minify",
      "--quiet",
      `--config=${join(ROOT, "deno.json")}`,
      join(SOURCES, "main.ts"),
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`deno bundle failed for the dashboard:\n${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** Comments and the indentation are for those who read the sources. */
function withoutSpaces(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->/g, "").replace(/\s*\n\s*/g, "\n").trim();
}

function gzipped(text: string): Buffer {
  return gzipSync(text, { level: BEST_COMPRESSION });
}

/** The handler works out the same: `api/page_files.ts`. */
function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

if (import.meta.main) console.log(JSON.stringify(await packedPage()));
