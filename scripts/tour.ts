/** Where the tour of docs/tour.md keeps what is to be there again the next day. */
import { join } from "node:path";

const NAME = "vabus-tour";

/**
 * `$TOUR_DIR`, else `vabus-tour` among the user's states. Root's is in /var/lib, since PostgreSQL does not run as root and nobody
 * else gets into root's home.
 *
 * @throws when no place is known.
 */
export function tourDirectory(): string {
  const own = Deno.env.get("TOUR_DIR");
  if (own) return own;
  if (Deno.uid() === 0) return join("/var/lib", NAME);
  const states = Deno.env.get("XDG_STATE_HOME");
  if (states) return join(states, NAME);
  const home = Deno.env.get("HOME");
  if (!home) throw new Error("Neither TOUR_DIR nor XDG_STATE_HOME nor HOME is set; set one of them.");
  return join(home, ".local", "state", NAME);
}

/** The directories in it, each of the program that its name says. */
export const TOUR_PARTS = ["postgres", "kafka", "bus", "handler"] as const;

/** Lines for a shell, written by the servers when they are up. */
export function tourSettingsFile(directory: string): string {
  return join(directory, "settings.sh");
}
