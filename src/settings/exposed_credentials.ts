import { isLoopback } from "../platform/http/access.ts";
import type { Transmission } from "./declaration.ts";

/**
 * The one rule for all credentials: what goes to another host than this one goes over a connection that is encrypted and
 * verified, or the operator is told.
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
