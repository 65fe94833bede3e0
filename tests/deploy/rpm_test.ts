/** What is in the package for Fedora and others. package_trials.ts installs it. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { isOnPath } from "../../scripts/debian.ts";
import { buildRpm } from "../../scripts/rpm.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { outputOf } from "../support/outcome.ts";
import { buildTwice } from "./package_stand_in.ts";

const NAME = "vabus-data-handler";
const DOCUMENTS = `/usr/share/doc/${NAME}`;

/**
 * Each file as rpm lists it: mode, owner, name, and what it is to rpm: c settings, n never replaced, d a
 * document, l a licence.
 */
const FILES = "[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEFLAGS:fflags} %{FILENAMES}\\n]";

Deno.test({
  name:
    "the rpm has each file with its owner and mode, keeps changed settings, and has the same bytes each time",
  ignore: Deno.build.os !== "linux" || !await isOnPath("rpmbuild"),
  fn: async () => {
    await using directory = await temporaryDirectory();
    const { path, plan } = await buildTwice(buildRpm, directory.path);

    const query = (...args: string[]) =>
      outputOf("rpm", "--query", "--nosignature", "--package", ...args, path);
    assert.equal(
      await query("--queryformat", "%{NAME} %{VERSION} %{RELEASE} %{ARCH} %{LICENSE}"),
      `${NAME} 1.2.3 1 x86_64 MIT`,
    );
    const files = (await query("--queryformat", FILES)).trim().split("\n").map((line) =>
      line.replace(/ +/g, " ")
    );
    const isPart = (line: string) => line.includes(` /usr/lib/${NAME}/program/`);
    const parts = files.filter(isPart);
    assert.ok(parts.includes(`-rw-r--r-- root:root /usr/lib/${NAME}/program/program.js`), parts.join("\n"));
    assert.ok(parts.every((line) => line.startsWith("-rw-r--r-- root:root ")), parts.join("\n"));
    assert.deepEqual(files.filter((line) => !isPart(line)), [
      `drwxr-xr-x root:root /etc/${NAME}`,
      `-rw-r----- root:${NAME} cn /etc/${NAME}/env`,
      `-rwxr-xr-x root:root /usr/bin/${NAME}`,
      `-rw-r--r-- root:root /usr/lib/systemd/system-preset/80-${NAME}.preset`,
      ...["-once.service", "-once.timer", ".service"].map((end) =>
        `-rw-r--r-- root:root /usr/lib/systemd/system/${NAME}${end}`
      ),
      `-rw-r--r-- root:root /usr/lib/sysusers.d/${NAME}.conf`,
      `drwxr-xr-x root:root /usr/lib/${NAME}`,
      `-rw-r--r-- root:root /usr/lib/${NAME}/main.mjs`,
      `drwxr-xr-x root:root /usr/lib/${NAME}/program`,
      `-rwxr-xr-x root:root /usr/lib/${NAME}/${NAME}`,
      `-rw-r--r-- root:root /usr/share/bash-completion/completions/${NAME}`,
      `drwxr-xr-x root:root ${DOCUMENTS}`,
      `-rw-r--r-- root:root d ${DOCUMENTS}/CHANGELOG.md.gz`,
      `drwxr-xr-x root:root ${DOCUMENTS}/examples`,
      `drwxr-xr-x root:root ${DOCUMENTS}/examples/${NAME}.service.d`,
      ...["backoff", "secrets"].map((name) =>
        `-rw-r--r-- root:root d ${DOCUMENTS}/examples/${NAME}.service.d/${name}.conf`
      ),
      `drwxr-xr-x root:root /usr/share/fish`,
      `drwxr-xr-x root:root /usr/share/fish/vendor_completions.d`,
      `-rw-r--r-- root:root /usr/share/fish/vendor_completions.d/${NAME}.fish`,
      `drwxr-xr-x root:root /usr/share/licenses/${NAME}`,
      `-rw-r--r-- root:root l /usr/share/licenses/${NAME}/LICENSE`,
      `-rw-r--r-- root:root d /usr/share/man/man1/${NAME}.1.gz`,
      `-rw-r--r-- root:root d /usr/share/man/man5/${NAME}.5.gz`,
      `drwxr-xr-x root:root /usr/share/zsh`,
      `drwxr-xr-x root:root /usr/share/zsh/site-functions`,
      `-rw-r--r-- root:root /usr/share/zsh/site-functions/_${NAME}`,
    ]);
    const other = await buildRpm({ ...plan, output: directory.path, architecture: "arm64" });
    assert.equal(other, join(directory.path, `${NAME}-1.2.3-1.aarch64.rpm`));
    assert.equal(await outputOf("rpm", "-qp", "--nosignature", "--queryformat", "%{ARCH}", other), "aarch64");
    const stopped = (await query("--queryformat", "%{PREUN}")).split(/\s+/);
    for (const line of files.filter((line) => line.includes("/systemd/system/"))) {
      assert.ok(stopped.includes(basename(line)), `removing does not stop ${line}`);
    }
    for (const script of ["prein", "postin", "preun", "postun"]) {
      const file = join(directory.path, script);
      await Deno.writeTextFile(file, await query("--queryformat", `%{${script.toUpperCase()}}`));
      await outputOf("sh", "-n", file);
      assert.doesNotMatch(await Deno.readTextFile(file), /@[A-Z]+@/);
    }
  },
});
