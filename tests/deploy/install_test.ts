/** install.sh with a file server that has a release. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { platformHere, PLATFORMS } from "../../scripts/platforms.ts";
import { VERSION } from "../../src/version.ts";
import { executablePath, temporaryDirectory } from "../support/executable.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/install.sh", import.meta.url));
const NAME = "vabus-data-handler";
const FILE = platformHere().fileName;

Deno.test("installs the executable of this platform, which then runs", async () => {
  await using site = await Site.start();
  site.release(await Deno.readFile(executablePath()));
  const { code, text } = await site.install();
  assert.equal(code, 0, text);
  assert.match(text, new RegExp(`^vabus-data-handler ${VERSION} .* is now ${site.installed}$`, "m"));
  assert.match(text, /is not on your PATH/);
  assert.deepEqual(await site.names(), [NAME]);
  const { stdout } = await new Deno.Command(site.installed, {
    args: ["--version"],
    env: { XDG_CACHE_HOME: site.directory },
  }).output();
  assert.ok(new TextDecoder().decode(stdout).startsWith(`vabus-data-handler ${VERSION} (`));
});

Deno.test("installing again is upgrading, in one step: a file that is open stays what it was", async () => {
  await using site = await Site.start();
  site.release(script("old"));
  assert.equal((await site.install()).code, 0);
  using before = await Deno.open(site.installed);
  site.release(script("new"));
  const { code, text } = await site.install();
  assert.equal(code, 0, text);
  assert.match(text, /^new is now /m);
  assert.notEqual((await before.stat()).ino, (await Deno.stat(site.installed)).ino);
  assert.deepEqual(await site.names(), [NAME]);
});

Deno.test("a download that is not what was released leaves what was installed", async () => {
  await using site = await Site.start();
  site.release(script("good"));
  assert.equal((await site.install()).code, 0);
  site.files.set(FILE, script("evil"));
  const { code, text } = await site.install();
  assert.equal(code, 1);
  assert.match(text, /checksum is [0-9a-f]{64}, not [0-9a-f]{64}/);
  assert.equal(await Deno.readTextFile(site.installed), new TextDecoder().decode(script("good")));
  assert.deepEqual(await site.names(), [NAME]);
});

for (
  const [name, spoil, word] of [
    ["no checksums", (site: Site) => site.files.delete("SHA256SUMS"), /SHA256SUMS cannot be had/],
    ["no executable", (site: Site) => site.files.delete(FILE), new RegExp(`${FILE} cannot be had`)],
    [
      "checksums of other platforms alone",
      (site: Site) => site.files.set("SHA256SUMS", new TextEncoder().encode("")),
      new RegExp(`has no ${FILE}`),
    ],
    [
      "an executable that does not run here",
      (site: Site) => site.release(new TextEncoder().encode("#!/bin/sh\necho 'wrong machine' >&2; exit 1\n")),
      /wrong machine\n.*does not run here/,
    ],
  ] as const
) {
  Deno.test(`a release with ${name} installs nothing and says why`, async () => {
    await using site = await Site.start();
    site.release(script("good"));
    spoil(site);
    const { code, text } = await site.install();
    assert.equal(code, 1);
    assert.match(text, word);
    assert.match(text, /Nothing was installed/);
    assert.deepEqual(await site.names(), []);
  });
}

for (
  const [system, machine, file] of [
    ["Linux", "x86_64", "vabus-data-handler-linux-x64"],
    ["Linux", "aarch64", "vabus-data-handler-linux-arm64"],
    ["Darwin", "x86_64", "vabus-data-handler-macos-x64"],
    ["Darwin", "arm64", "vabus-data-handler-macos-arm64"],
  ] as const
) {
  Deno.test(`on ${system} ${machine} it takes ${file}`, async () => {
    assert.ok(PLATFORMS.some(({ fileName }) => fileName === file));
    await using site = await Site.start();
    site.release(script("theirs"), file);
    const { code, text } = await site.install(await site.pretend(system, machine));
    assert.equal(code, 0, text);
    assert.match(text, /^theirs is now /m);
  });
}

for (const [system, machine] of [["Linux", "riscv64"], ["FreeBSD", "x86_64"]] as const) {
  Deno.test(`on ${system} ${machine} there is nothing to install`, async () => {
    await using site = await Site.start();
    const { code, text } = await site.install(await site.pretend(system, machine));
    assert.equal(code, 1);
    assert.match(text, /there is no executable for .*Nothing was installed/s);
  });
}

/** An executable that tells its version. */
function script(version: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`#!/bin/sh\necho ${version}\n`);
}

/** A file server with one release, and a prefix to install it to. */
Deno.test("without https it installs nothing, except from this host", async () => {
  await using site = await Site.start();
  for (
    const base of [
      "http://mirror.invalid/vabus",
      "ftp://mirror.invalid",
      "http://127.0.0.1.example.org/",
      "file:///tmp",
    ]
  ) {
    const { code, text } = await site.install({ BASE_URL: base });
    assert.equal(code, 1);
    assert.match(text, /BASE_URL has to begin with https:.*Nothing was installed/);
  }
});

for (
  const [what, gh, environment, code, word] of [
    ["that verifies it", "exit 0", {}, 0, /^new is now /m],
    ["that does not verify it", '[ "$1" = auth ]', {}, 1, /cannot verify that .* Nothing was installed/],
    ["that nobody asks", '[ "$1" = auth ]', { ATTESTATION: "skip" }, 0, /^new is now /m],
    ["that is not logged in", "exit 1", {}, 0, /not checked, since gh is not logged in/],
  ] as const
) {
  Deno.test(`who built the file is checked by a gh ${what}`, async () => {
    await using site = await Site.start();
    site.release(script("new"));
    const tools = join(site.directory, "tools");
    await Deno.mkdir(tools);
    await Deno.writeTextFile(join(tools, "gh"), `#!/bin/sh\n${gh}\n`, { mode: 0o755 });
    const found = await site.install({ ...environment, PATH: `${tools}:${Deno.env.get("PATH")}` });
    assert.equal(found.code, code, found.text);
    assert.match(found.text, word);
  });
}

class Site implements AsyncDisposable {
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  private readonly server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const file = this.files.get(new URL(request.url).pathname.slice(1));
    return file ? new Response(file) : new Response("not here\n", { status: 404 });
  });

  private constructor(private readonly temporary: { path: string } & AsyncDisposable) {}

  static async start(): Promise<Site> {
    return new Site(await temporaryDirectory());
  }

  get directory(): string {
    return this.temporary.path;
  }

  get installed(): string {
    return join(this.directory, "bin", NAME);
  }

  release(executable: Uint8Array<ArrayBuffer>, file: string = FILE): void {
    const sum = createHash("sha256").update(executable).digest("hex");
    this.files.set(file, executable);
    this.files.set("SHA256SUMS", new TextEncoder().encode(`${"0".repeat(64)}  other\n${sum}  ${file}\n`));
  }

  /** A machine of another kind, by what `uname` says there. */
  async pretend(system: string, machine: string): Promise<{ PATH: string }> {
    const directory = join(this.directory, "tools");
    await Deno.mkdir(directory);
    const answers = `case $1 in -s) echo ${system} ;; -m) echo ${machine} ;; esac`;
    await Deno.writeTextFile(join(directory, "uname"), `#!/bin/sh\n${answers}\n`, { mode: 0o755 });
    return { PATH: `${directory}:${Deno.env.get("PATH")}` };
  }

  async install(environment: Record<string, string> = {}): Promise<{ code: number; text: string }> {
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: [SCRIPT],
      env: {
        PREFIX: this.directory,
        BASE_URL: `http://127.0.0.1:${this.server.addr.port}/`,
        no_proxy: "127.0.0.1",
        ...environment,
      },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, text: decoder.decode(stderr) + decoder.decode(stdout) };
  }

  async names(): Promise<string[]> {
    return await Array.fromAsync(Deno.readDir(join(this.directory, "bin")), ({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown();
    await this.temporary[Symbol.asyncDispose]();
  }
}
