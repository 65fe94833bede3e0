import * as z from "zod";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { PAGE_FILES, type PageFileName, pageFiles, plain } from "./page_files.ts";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** The page names its files with a hash of their content: what such a name stands for never changes. */
const FOR_EVER = "public, max-age=31536000, immutable";
const VARY = "accept, accept-encoding";
/** The browser asks each time, and gets 304 where nothing has changed. */
const ASK_AGAIN = "no-cache";

/**
 * The dashboard. The page itself has no data in it, so it is open; it asks for a token where one is needed.
 *
 * @param others What a client that wants no HTML gets for `/` is the list of these.
 */
export function dashboardEndpoints(others: readonly Endpoint[]): Endpoint[] {
  const list = listOf(others);
  const index = endpoint({
    method: "GET",
    path: "/",
    role: "open",
    summary: "the dashboard; for a client that takes no HTML, the list of paths",
    query: z.object({}),
    reply: z.string(),
    contentType: TYPES.html!,
    answer: ({ request }) =>
      takes(request, "accept", "text/html") ? fileReply(request, "index.html") : listReply(list),
  });
  const assets = PAGE_FILES.filter((name) => name !== "index.html").map((name) =>
    endpoint({
      method: "GET",
      path: `/assets/${name}`,
      role: "open",
      summary: "a file of the dashboard",
      query: z.object({ v: z.string().optional() }),
      reply: z.string(),
      contentType: typeOf(name),
      answer: ({ request, query: { v } }) => fileReply(request, name, v),
    })
  );
  return [index, ...assets];
}

/** @param hash What the page names the file with; undefined: nothing. */
async function fileReply(request: Request, name: PageFileName, hash?: string): Promise<Response> {
  const file = (await pageFiles())[name];
  const tag = `"${file.hash}"`;
  const headers = new Headers({
    "content-type": typeOf(name),
    "cache-control": hash === file.hash ? FOR_EVER : ASK_AGAIN,
    etag: tag,
    vary: VARY,
  });
  if (request.headers.get("if-none-match") === tag) return new Response(null, { status: 304, headers });
  if (!takes(request, "accept-encoding", "gzip")) return new Response(plain(file), { headers });
  headers.set("content-encoding", "gzip");
  return new Response(file.gzipped, { headers });
}

function typeOf(name: PageFileName): string {
  return TYPES[name.split(".")[1]!]!;
}

function takes(request: Request, header: string, wanted: string): boolean {
  return (request.headers.get(header) ?? "").toLowerCase().split(",").some((part) => {
    const [value = "", ...parameters] = part.split(";").map((text) => text.trim());
    return value === wanted && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

/** The list of endpoints, for somebody who asks with a program such as curl. */
function listOf(endpoints: readonly Endpoint[]): string {
  const named = endpoints.map(({ method, path, summary }) => ({
    name: method === "GET" ? path : `${method} ${path}`,
    summary,
  }));
  const width = Math.max(...named.map(({ name }) => name.length));
  const lines = named.map(({ name, summary }) => `${name.padEnd(width)}  ${summary}\n`).join("");
  return `VaBus Data Handler\n\n${lines}`;
}

function listReply(list: string): Response {
  return new Response(list, {
    headers: { "content-type": "text/plain; charset=utf-8", vary: VARY },
  });
}
