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

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NAME = "localhost/vabus-data-handler";

interface Outcome {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(command: string, ...args: string[]): Promise<Outcome> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd: ROOT, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  return { success, stdout: decoder.decode(stdout).trim(), stderr: decoder.decode(stderr) };
}

async function succeeded(running: Promise<Outcome>): Promise<Outcome> {
  const outcome = await running;
  assert.ok(outcome.success, outcome.stderr);
  return outcome;
}

const EXPECTED = `version: vabus-data-handler ${VERSION}
user: 65532
bill of materials: {
stop: exit 0
done`;

Deno.test("the image of a release says what it is, is well on a read-only root as nobody, and stops", async () => {
  for (const program of ["buildah", "podman", "crun"]) await ensureProgram(program);
  await using directory = await temporaryDirectory();
  const flags = ["--root", `${directory.path}/images`, "--runroot", `${directory.path}/run`];
  const buildah = (...args: string[]) => run("buildah", ...flags, "--storage-driver=vfs", ...args);
  const build = (source: string, context: string) =>
    buildah(
      ...["build", "--isolation=chroot", "--pull-never", "--format=docker", "--tag", NAME],
      ...[`--build-arg=SOURCE=${source}`, "--build-arg=COMMIT=1234567", context],
    );
  const context = `${directory.path}/context`;
  await layOut(context);
  for (const { name, tag } of imagesIn(await Deno.readTextFile(`${ROOT}/Dockerfile`))) {
    const container = (await succeeded(buildah("from", "scratch"))).stdout;
    await succeeded(buildah("add", "--quiet", container, await debianBase(), "/"));
    const registry = name.includes(".") ? "" : "docker.io/";
    await succeeded(buildah("commit", "--quiet", "--rm", container, `${registry}${name}:${tag}`));
  }

  await succeeded(build("release", context));
  const inspected = await succeeded(buildah("inspect", "--type=image", NAME));
  const { config } = JSON.parse(inspected.stdout).Docker;
  assert.equal(config.User, "65532:65532");
  assert.deepEqual(config.Healthcheck.Test, ["CMD", "/vabus-data-handler", "health"]);
  assert.equal(config.Labels["org.opencontainers.image.version"], VERSION);
  assert.equal(config.Labels["org.opencontainers.image.revision"], "1234567");

  const trial = fileURLToPath(new URL("container_trial.sh", import.meta.url));
  const { stdout, stderr } = await run("unshare", "--mount", "--cgroup", trial, directory.path, NAME);
  assert.equal(stdout, EXPECTED, stderr);

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
  await succeeded(
    run(Deno.execPath(), "run", "--allow-all", "scripts/build.ts", "--output", `${release}/${fileName}`),
  );
  const subject = { version: VERSION, commit: "1234567", denoVersion: Deno.version.deno };
  await Deno.writeTextFile(`${release}/sbom.cdx.json`, JSON.stringify(sbom(subject, await npmPackages())));
  const { stdout } = await succeeded(run("sh", "-c", `cd "${release}" && sha256sum -- *`));
  await Deno.writeTextFile(`${release}/SHA256SUMS`, `${stdout}\n`);
}
