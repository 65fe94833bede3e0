import { join } from "node:path";

/**
 * Where the development tools keep their downloads, outside of the tree: `$VABUS_CACHE`, else
 * `vabus-data-handler` in the user's cache directory. `deno.sh` uses the same directory.
 */
export function cacheDir(): string {
  const own = Deno.env.get("VABUS_CACHE");
  if (own) return own;
  const userCache = Deno.env.get("XDG_CACHE_HOME");
  if (userCache) return join(userCache, "vabus-data-handler");
  const home = Deno.env.get("HOME");
  if (!home) throw new Error("Neither VABUS_CACHE nor XDG_CACHE_HOME nor HOME is set; set one of them.");
  return join(home, ".cache", "vabus-data-handler");
}
