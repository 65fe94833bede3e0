/**
 * Prints the notes of a release: what CHANGELOG.md has under its version.
 *
 *   scripts/deno.sh run --allow-read scripts/release_notes.ts VERSION
 */

/** The text under the heading of a version, without the heading. Undefined: there is none, or it is empty. */
export function notesOf(version: string, changelog: string): string | undefined {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => /^\[?([^\]\s]+)/.exec(text)?.[1] === version);
  return section?.slice(section.indexOf("\n")).trim() || undefined;
}

if (import.meta.main) {
  const [version = ""] = Deno.args;
  const notes = notesOf(version, await Deno.readTextFile(new URL("../CHANGELOG.md", import.meta.url)));
  if (notes === undefined) {
    console.error(
      `CHANGELOG.md has nothing under "## ${version}". Rename "## Unreleased" to it, with its date.`,
    );
    Deno.exit(1);
  }
  console.log(notes);
}
