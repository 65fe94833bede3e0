const IDENTIFIER_MAX_BYTES = 63;
const WRITER_SUFFIX = "_writer";

/** `schema.table` as quoted identifiers, the way the driver quotes them in statements. */
export function quoted(table: string): string {
  return `"${table.replaceAll('"', '""').replaceAll(".", '"."')}"`;
}

/**
 * The name of the table of claims beside `table`. It is cut, since the server would cut a longer name and
 * might then find `table` itself.
 */
export function writerTableOf(table: string): string {
  const parts = table.split(".");
  let name = parts.pop()!;
  while (new TextEncoder().encode(name + WRITER_SUFFIX).length > IDENTIFIER_MAX_BYTES) {
    name = [...name].slice(0, -1).join("");
  }
  return [...parts, name + WRITER_SUFFIX].join(".");
}
