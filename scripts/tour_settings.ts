/** Prints the settings of the tour of docs/tour.md, for every terminal: `eval "$(make tour)"`. */
import { tourDirectory, tourSettingsFile } from "./tour.ts";

const file = tourSettingsFile(tourDirectory());
try {
  console.log((await Deno.readTextFile(file)).trimEnd());
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.error(`${file} is not there: run \`make servers\` first, in a terminal of its own.`);
  Deno.exit(1);
}
