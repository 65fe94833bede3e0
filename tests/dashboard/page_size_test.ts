import assert from "node:assert/strict";
import { packedPage } from "../../scripts/page.ts";

/** What a browser loads at its first visit. */
const PAGE_MAX_BYTES = 120 * 1024;

Deno.test("the page is small, names its files by their content, and needs nothing from elsewhere", async () => {
  const page = await packedPage();
  const files = Object.entries(page).map(([name, text]) =>
    [name, Uint8Array.from(atob(text), (character) => character.charCodeAt(0))] as const
  );
  const bytes = files.reduce((sum, [, content]) => sum + content.length, 0);
  assert.ok(bytes <= PAGE_MAX_BYTES, `${bytes} bytes, compressed`);
  const unpack = (content: Uint8Array<ArrayBuffer>) =>
    new Response(new Blob([content]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  const texts = new Map<string, string>();
  for (const [name, content] of files) texts.set(name, await unpack(content));
  const html = texts.get("index.html")!;
  for (const name of ["page.js", "page.css", "icon.svg"]) {
    assert.match(html, new RegExp(`"assets/${name}\\?v=[0-9a-f]{16}"`));
  }
  assert.doesNotMatch(html, /<style|style=|<script(?![^>]*src=)|\bon\w+=/, "the strict rules would block it");
  assert.doesNotMatch(html + texts.get("page.css"), /https?:\/\/|@import|url\(/);
});
