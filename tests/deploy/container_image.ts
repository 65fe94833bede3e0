/**
 * The container image, by the Dockerfile: built by buildah from a release, and run by podman, with neither a
 * daemon nor a registry. A Debian, that of the trial of the package, stands in for the images of others.
 *
 *   make test-packages
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { imagesIn } from "../../scripts/images.ts";
import { ensureProgram } from "../../scripts/debian.ts";
import { debianBase } from "../../scripts/debian_base.ts";
import { platformHere } from "../../scripts/platforms.ts";
import { sbom } from "../../scripts/sbom.ts";
import { npmPackages } from "../../scripts/npm_packages.ts";
import { VERSION } from "../../src/version.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { outcomeOf, outputOf } from "../support/outcome.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NAME = "localhost/vabus-data-handler";

const EXPECTED = `version: vabus-data-handler ${VERSION}
user: 65532
bill of materials: {
stop: exit 0
done`;

Deno.test("the image of a release says what it is, is well on a read-only root as nobody, and stops", async () => {
  for (const program of ["buildah", "podman", "crun"]) await ensureProgram(program);
  await using directory = await temporaryDirectory();
  const directories = ["--root", `${directory.path}/images`, "--runroot", `${directory.path}/run`];
  const flags = [...directories, "--storage-driver=vfs"];
  const buildah = (...args: string[]) => outputOf("buildah", ...flags, ...args);
  const build = (source: string, context: string) =>
    outcomeOf(
      "buildah",
      ...flags,
      ...["build", "--isolation=chroot", "--pull-never", "--format=docker", "--tag", NAME],
      ...[`--build-arg=SOURCE=${source}`, "--build-arg=COMMIT=1234567", context],
    );
  const context = `${directory.path}/context`;
  await layOut(context);
  for (const { name, tag } of imagesIn(await Deno.readTextFile(`${ROOT}/Dockerfile`))) {
    const container = (await buildah("from", "scratch")).trim();
    await buildah("add", "--quiet", container, await debianBase(), "/");
    const registry = name.includes(".") ? "" : "docker.io/";
    await buildah("commit", "--quiet", "--rm", container, `${registry}${name}:${tag}`);
  }

  const built = await build("release", context);
  assert.ok(built.success, built.stderr);
  const { config } = JSON.parse(await buildah("inspect", "--type=image", NAME)).Docker;
  assert.equal(config.User, "65532:65532");
  assert.deepEqual(config.Healthcheck.Test, ["CMD", "/vabus-data-handler", "health"]);
  assert.equal(config.Labels["org.opencontainers.image.version"], VERSION);
  assert.equal(config.Labels["org.opencontainers.image.revision"], "1234567");

  const trial = fileURLToPath(new URL("container_trial.sh", import.meta.url));
  const { stdout, stderr } = await outcomeOf("unshare", "--mount", "--cgroup", trial, directory.path, NAME);
  assert.equal(stdout.trim(), EXPECTED, stderr);

  await Deno.writeTextFile(`${context}/dist/release/sbom.cdx.json`, "{}");
  const changed = await build("release", context);
  assert.ok(!changed.success);
  assert.match(changed.stdout + changed.stderr, /sbom\.cdx\.json: FAILED/);
  const unknown = await build("other", context);
  assert.ok(!unknown.success);
  assert.match(unknown.stdout + unknown.stderr, /SOURCE is other\. It is tree or release\./);
});

/** What the Dockerfile reads, with a release of this platform. */
async function layOut(context: string): Promise<void> {
  const release = `${context}/dist/release`;
  await Deno.mkdir(release, { recursive: true });
  for (const file of ["Dockerfile", ".dockerignore"]) {
    await Deno.copyFile(`${ROOT}/${file}`, `${context}/${file}`);
  }
  const { fileName } = platformHere();
  const builder = `${ROOT}/scripts/build.ts`;
  await outputOf(Deno.execPath(), "run", "--allow-all", builder, "--output", `${release}/${fileName}`);
  const subject = { version: VERSION, commit: "1234567", denoVersion: Deno.version.deno };
  await Deno.writeTextFile(`${release}/sbom.cdx.json`, JSON.stringify(sbom(subject, await npmPackages())));
  const sums = await outputOf("sh", "-c", `cd "${release}" && sha256sum -- *`);
  await Deno.writeTextFile(`${release}/SHA256SUMS`, sums);
}
