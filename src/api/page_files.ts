import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";

/** The names of the page's files. */
export const PAGE_FILES = ["index.html", "page.js", "page.css", "icon.svg"] as const;
export type PageFileName = typeof PAGE_FILES[number];

/** A file of the dashboard's page. */
export interface PageFile {
  readonly gzipped: Uint8Array<ArrayBuffer>;
  /** Of the content; the page names the file with it. */
  readonly hash: string;
}

/** The content of a file, for a client that does not take gzip. */
export function plain({ gzipped }: PageFile): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gunzipSync(gzipped));
}

/** Each file's content, gzipped, in base64, by its name; the build puts it in front of the program. */
type PackedPage = Record<PageFileName, string>;

let files: Promise<Record<PageFileName, PageFile>> | undefined;

/**
 * The files of the page: those that the build has embedded. From the sources the page is bundled at the first
 * question.
 *
 * @throws {Error} The page cannot be bundled. The next call tries again.
 */
export function pageFiles(): Promise<Record<PageFileName, PageFile>> {
  if (files === undefined) {
    files = unpacked();
    files.catch(() => files = undefined);
  }
  return files;
}

async function unpacked(): Promise<Record<PageFileName, PageFile>> {
  const packed = (globalThis as { __VABUS_PAGE__?: PackedPage }).__VABUS_PAGE__ ?? await bundled();
  const entries = PAGE_FILES.map((name) => {
    const gzipped = new Uint8Array(Buffer.from(packed[name], "base64"));
    const hash = createHash("sha256").update(gzipped).digest("hex").slice(0, 16);
    return [name, { gzipped, hash }] as const;
  });
  return Object.fromEntries(entries) as Record<PageFileName, PageFile>;
}

async function bundled(): Promise<PackedPage> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", new URL("../../scripts/page.ts", import.meta.url).href],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stderr).trim());
  return JSON.parse(text.decode(stdout));
}
