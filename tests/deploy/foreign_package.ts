/**
 * The packages for another processor than this one. They are built here, and their program runs by qemu, with
 * the libraries that Debian has for compilers of that processor.
 *
 *   make test-packages
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { buildDeb } from "../../scripts/deb.ts";
import { ensureProgram, installPackage, isFile } from "../../scripts/debian.ts";
import { denoFor } from "../../scripts/npm_deno.ts";
import { ARCHITECTURE_HERE } from "../../scripts/package_plan.ts";
import { buildRpm } from "../../scripts/rpm.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { outputOf } from "../support/outcome.ts";

const NAME = "vabus-data-handler";
const LIBRARIES = "/usr/aarch64-linux-gnu";
/** The number of the processor in the head of an ELF file. */
const AARCH64 = 0xb7;

Deno.test({
  name: "arm64: deb and rpm bring the Deno of that processor, and the program runs there",
  ignore: ARCHITECTURE_HERE === "arm64",
  fn: async () => {
    await using directory = await temporaryDirectory();
    const plan = {
      output: directory.path,
      version: "1.2.3-1",
      architecture: "arm64",
      runtime: await denoFor("arm64"),
      isQuick: true,
    } as const;
    await ensureProgram("rpmbuild", "rpm");
    const rpm = await buildRpm(plan);
    assert.match(
      await outputOf("rpm", "-qp", "--nosignature", "--requires", rpm),
      /^ld-linux-aarch64\.so\.1\(\)\(64bit\)$/m,
    );

    const root = join(directory.path, "root");
    await outputOf("dpkg-deb", "--extract", await buildDeb(plan), root);
    const library = join(root, "usr/lib", NAME);
    assert.equal((await Deno.readFile(join(library, NAME)))[18], AARCH64);

    const qemu = await ensureProgram("qemu-aarch64-static", "qemu-user-static");
    if (!await isFile(join(LIBRARIES, "lib/libgcc_s.so.1"))) {
      await installPackage(["libgcc-s1-arm64-cross"], "arm64's libgcc");
    }
    // As it is once it is installed, but below another root, and not as a process of its own kind.
    const launcher = join(root, "usr/bin", NAME);
    const text = (await Deno.readTextFile(launcher)).replace(`'/usr/lib/${NAME}'`, `'${library}'`)
      .replace('"$directory/$name" run', `${qemu} -L ${LIBRARIES} "$directory/$name" run`);
    await Deno.writeTextFile(launcher, text);
    assert.match(
      await outputOf(launcher, "--version"),
      /^vabus-data-handler .*, aarch64-unknown-linux-gnu$/m,
    );
    // That is answered before the program is loaded.
    assert.match(await outputOf(launcher, "completion", "bash"), /complete .* vabus-data-handler$/m);
  },
});
