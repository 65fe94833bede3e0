import { dialectOf } from "../platform/net/dialect.ts";
import type { Registry } from "../runtime/registry.ts";
import type { SourceConfig } from "../settings/configured.ts";

/**
 * What speaks at the address of a bus that did not answer as one, and what to change; undefined: nothing that
 * is known, or just what is expected there. Takes some seconds at most.
 */
export async function misfitOf(
  source: SourceConfig,
  registry: Registry,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { dialects, schemes, addressesOf } = registry.source(source);
  if (dialects === undefined) return undefined;
  const isTls = schemes.tls.includes(source.url.split(":")[0]!);
  const expected = isTls ? dialects.tls : dialects.plain;
  for (const { setting, address } of addressesOf?.(source.options) ?? []) {
    const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(address)!;
    const found = await dialectOf(host!, Number(port), signal);
    if (found === undefined || found === expected) continue;
    const [plain, tls] = [schemes.plain[0], schemes.tls[0]];
    if (found === "TLS" && dialects.tls === "TLS") {
      return `${address} wants TLS: write ${tls}:// in ${setting}, or name the port without TLS`;
    }
    if (found === dialects.plain) {
      return `${address} speaks no TLS: write ${plain}:// in ${setting}, or name the port with TLS`;
    }
    return `what answers at ${address} speaks ${found}, not ${dialects.plain}: check host and port in ` +
      setting;
  }
  return undefined;
}
