import { PROXY_NAMES } from "../settings/proxy.ts";

let environment: Readonly<Record<string, string | undefined>> | undefined;

/**
 * The environment. Variables of proxies are removed from it, since the runtime would also use the proxies for
 * this host itself. Parts that need a proxy get it from the configuration.
 */
export function takeEnvironment(): Readonly<Record<string, string | undefined>> {
  if (environment === undefined) {
    environment = Deno.env.toObject();
    for (const name of PROXY_NAMES) Deno.env.delete(name);
  }
  return environment;
}
