/** The formats of the page of metrics. */
export const FORMATS = ["text", "openmetrics"] as const;
export type Format = typeof FORMATS[number];

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** The versions that a client may ask for; "": any. */
const VERSIONS: Readonly<Record<Format, readonly string[]>> = {
  text: ["", "0.0.4"],
  // 0.0.1 is what Prometheus calls the drafts of 1.0.0.
  openmetrics: ["", "1.0.0", "0.0.1"],
};

/** The formats of a range, and how closely it names them. */
const RANGES = new Map<string, readonly [formats: readonly Format[], closeness: number]>([
  ["application/openmetrics-text", [["openmetrics"], 3]],
  ["text/plain", [["text"], 3]],
  ["application/*", [["openmetrics"], 2]],
  ["text/*", [["text"], 2]],
  ["*/*", [FORMATS, 1]],
]);
/** The closeness of a range that names a format itself. */
const NAMED = 3;

/**
 * The format that a client wants, by its `Accept` header. OpenMetrics is sent only to clients that name it or
 * prefer it; where a client wants neither, it gets the text format: a page is better than none.
 */
export function formatFor(accept: string | null): Format {
  const [text, openmetrics] = FORMATS.map((format) => qualityOf(format, accept ?? ""));
  if (openmetrics!.quality === 0) return "text";
  if (openmetrics!.quality !== text!.quality) {
    return openmetrics!.quality > text!.quality ? "openmetrics" : "text";
  }
  return openmetrics!.closeness === NAMED ? "openmetrics" : "text";
}

/** How much the client wants a format, 0 to 1, by the range that names it most closely. */
function qualityOf(
  format: Format,
  accept: string,
): { readonly quality: number; readonly closeness: number } {
  let best = { quality: 0, closeness: 0 };
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const [formats, closeness] = RANGES.get(type) ?? [[], 0];
    if (!formats.includes(format) || closeness < best.closeness) continue;
    const version = valueOf(parameters, "version") ?? "";
    if (closeness === NAMED && !VERSIONS[format].includes(version)) continue;
    const given = Number(valueOf(parameters, "q") ?? 1);
    const quality = given >= 0 && given <= 1 ? given : 0;
    if (closeness > best.closeness || quality > best.quality) best = { quality, closeness };
  }
  return best;
}

function valueOf(parameters: readonly string[], name: string): string | undefined {
  const found = parameters.find((parameter) => parameter.startsWith(`${name}=`));
  return found?.slice(name.length + 1).replace(/^"(.*)"$/, "$1");
}
