/** Images of others: an exact version in the sources, the hash of it in a release. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { FILES_WITH_IMAGES, imagesIn } from "../../scripts/images.ts";
import { temporaryDirectory } from "../support/executable.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** These have no versions, only hashes. */
const WITHOUT_VERSIONS = ["gcr.io/distroless/cc-debian12"];
/** The valid answer of a registry. */
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

Deno.test("every image has the tag of one version, or a hash", async () => {
  for (const path of FILES_WITH_IMAGES) {
    const text = await Deno.readTextFile(`${ROOT}/${path}`);
    const images = imagesIn(text);
    assert.ok(images.length > 0, path);
    assert.equal(
      images.length,
      [...text.matchAll(/^\s*(?:FROM|image:) .*:/gm)].length,
      `${path}: one is not understood`,
    );
    for (const { name, tag, digest } of images) {
      if (digest !== undefined || WITHOUT_VERSIONS.includes(name)) continue;
      assert.match(tag, /^v?\d+\.\d+(?:\.\d+)?$/, `${path}: ${name}:${tag} is another image tomorrow`);
    }
  }
});

Deno.test("our own image has a version where it is deployed, and no tag elsewhere", async () => {
  const compose = parse(await Deno.readTextFile(`${ROOT}/deploy/compose.yaml`), { merge: true });
  for (const { image, build } of Object.values<{ image: string; build?: string }>(compose.services)) {
    assert.ok(image.includes(":") !== (build !== undefined), image);
  }
});

Deno.test("a release pins its images before it is tried and laid out, by a script that fails without an answer", async () => {
  const { jobs } = parse(await Deno.readTextFile(`${ROOT}/.github/workflows/release.yml`));
  const commands: string[] = jobs.build.steps.map(({ run }: { run?: string }) => run ?? "");
  const at = (part: string) => commands.findIndex((command) => command.includes(part));
  assert.ok(at("scripts/pin_images.ts") >= 0);
  assert.ok(at("docker build") > at("scripts/pin_images.ts"));
  assert.ok(at("make dist") > at("scripts/pin_images.ts"));
  assert.equal(commands[at("scripts/pin_images.ts")]!.includes("||"), false);
});

for (
  const [what, docker, code] of [
    ["tells all hashes", `echo "${DIGEST}"`, 0],
    ["knows one of them only", `case "$6" in *postgres*) echo "${DIGEST}";; *) exit 1;; esac`, 1],
    ["tells something else", "echo unauthorized", 1],
  ] as const
) {
  Deno.test(`pinning with a registry that ${what}`, async () => {
    await using directory = await temporaryDirectory();
    const before = await layOut(directory.path, docker);
    const { code: found, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "scripts/pin_images.ts", "--root", directory.path],
      cwd: ROOT,
      env: { PATH: `${directory.path}/bin:${Deno.env.get("PATH")}`, NO_COLOR: "1" },
      stdin: "null",
    }).output();
    assert.equal(found, code, new TextDecoder().decode(stderr));
    for (const [path, text] of before) {
      const after = await Deno.readTextFile(`${directory.path}/${path}`);
      if (code !== 0) assert.equal(after, text, "nothing is written by halves");
      else {
        assert.ok(imagesIn(after).every(({ digest }) => digest === DIGEST), after);
        assert.equal(after.replaceAll(`@${DIGEST}`, ""), text, "nothing else is changed");
      }
    }
  });
}

/** The files that name images, and a `docker` that answers as told. */
async function layOut(directory: string, docker: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  await Deno.mkdir(`${directory}/deploy`);
  for (const path of FILES_WITH_IMAGES) {
    const text = (await Deno.readTextFile(`${ROOT}/${path}`)).replace(/@sha256:[0-9a-f]{64}/g, "");
    texts.set(path, text);
    await Deno.writeTextFile(`${directory}/${path}`, text);
  }
  await Deno.mkdir(`${directory}/bin`);
  await Deno.writeTextFile(`${directory}/bin/docker`, `#!/bin/sh\n${docker}\n`, { mode: 0o755 });
  return texts;
}
