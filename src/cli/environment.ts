import { PROXY_NAMES } from "../settings/proxy.ts";

let environment: Readonly<Record<string, string | undefined>> | undefined;

/**
 * The environment. Proxies are taken out of it for good: the runtime would send what goes to this very host through them, too. Who
 * needs one gets it from the configuration.
 */
export function takeEnvironment(): Readonly<Record<string, string | undefined>> {
  if (environment === undefined) {
    environment = Deno.env.toObject();
    for (const name of PROXY_NAMES) Deno.env.delete(name);
  }
  return environment;
}
