/**
 * Asks the registries for the present hash of each image's tag, and writes it into the files that name the
 * image. So a release is made and tested with exactly these images, although a tag can be moved at any time.
 *
 *   scripts/deno.sh run -A scripts/pin_images.ts [--root DIRECTORY]
 *
 * Needs docker with buildx. Where a registry does not answer, nothing is written, and the exit code is 1.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FILES_WITH_IMAGES, type Image, imagesIn, pinned } from "./images.ts";

const { values: { root } } = parseArgs({
  options: { root: { type: "string", default: fileURLToPath(new URL("..", import.meta.url)) } },
});
const texts = new Map(
  await Promise.all(
    FILES_WITH_IMAGES.map(async (path) => [path, await Deno.readTextFile(join(root, path))] as const),
  ),
);
const digests = new Map<string, string>();
const failures: string[] = [];
for (const image of [...texts.values()].flatMap(imagesIn)) {
  const reference = referenceOf(image);
  if (digests.has(reference)) continue;
  const digest = await digestOf(reference);
  if (digest === undefined) failures.push(reference);
  else digests.set(reference, digest);
}
if (failures.length > 0) {
  console.error(
    `${
      failures.join(", ")
    }: the registry does not tell the hash. Nothing was written; try again when it answers.`,
  );
  Deno.exit(1);
}
for (const [path, text] of texts) {
  await Deno.writeTextFile(join(root, path), pinned(text, (image) => digests.get(referenceOf(image))!));
}
for (const [reference, digest] of digests) console.log(`${reference}@${digest}`);

function referenceOf({ name, tag }: Image): string {
  return `${name}:${tag}`;
}

/** The hash of the list of all platforms, where there is one. */
async function digestOf(reference: string): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("docker", {
      args: ["buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", reference],
      stdin: "null",
      stderr: "inherit",
    }).output();
    const digest = new TextDecoder().decode(stdout).trim();
    return success && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
