/** The directory of the tour of docs/tour.md, whose data stay for the next day. */
import { join } from "node:path";

const NAME = "vabus-tour";

/**
 * `$TOUR_DIR`, else `vabus-tour` among the user's states. For root it is in /var/lib: PostgreSQL does not run
 * as root, and other users cannot enter root's home.
 *
 * @throws when no directory is known.
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

/** Its subdirectories, named like their programs. */
export const TOUR_PARTS = ["postgres", "kafka", "bus", "handler"] as const;

/** A file with lines for a shell, written when the servers are running. */
export function tourSettingsFile(directory: string): string {
  return join(directory, "settings.sh");
}
