import { isLoopback } from "../platform/http/access.ts";
import type { Transmission } from "./declaration.ts";

/**
 * The one rule for all credentials: a connection to another host must be encrypted and verified, or the
 * operator gets a warning.
 */
export function exposedCredentials(transmissions: readonly Transmission[]): string[] {
  const warnings = transmissions
    .filter(({ isProtected, host }) => !isProtected && !isThisHost(host))
    .map(({ credential, host, flaw, remedy }) => `${credential} goes to ${host} ${flaw}: ${remedy}`);
  return [...new Set(warnings)];
}

function isThisHost(host: string): boolean {
  return host.startsWith("/") || isLoopback(host.replace(/^\[|\]$/g, ""));
}
