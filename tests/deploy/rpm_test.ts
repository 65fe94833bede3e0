/** What is in the package for Fedora and others. package_trials.ts installs it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { isOnPath } from "../../scripts/debian.ts";
import { buildRpm } from "../../scripts/rpm.ts";
import { temporaryDirectory } from "../support/executable.ts";

const NAME = "vabus-data-handler";
const DOCUMENTS = `/usr/share/doc/${NAME}`;

/**
 * Each file as rpm lists it: mode, owner, name, and what it is to rpm: c settings, n never replaced, d a
 * document, l a licence.
 */
const FILES = "[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEFLAGS:fflags} %{FILENAMES}\\n]";

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name:
    "the rpm has each file with its owner and mode, keeps changed settings, and has the same bytes each time",
  ignore: Deno.build.os !== "linux" || !await isOnPath("rpmbuild"),
  fn: async () => {
    await using directory = await temporaryDirectory();
    // In the place of Deno's hundred megabytes.
    const runtime = join(directory.path, "runtime");
    await Deno.writeTextFile(runtime, "#!/bin/sh\n");
    const plan = { version: "1.2.3-1", architecture: "x64", runtime, isQuick: true } as const;
    const [first, second] = await Promise.all(
      ["first", "second"].map((name) => buildRpm({ ...plan, output: join(directory.path, name) })),
    ) as [string, string];
    assert.deepEqual(await Deno.readFile(second), await Deno.readFile(first));

    const query = (...args: string[]) => run("rpm", "--query", "--nosignature", "--package", ...args, first);
    assert.equal(
      await query("--queryformat", "%{NAME} %{VERSION} %{RELEASE} %{ARCH} %{LICENSE}"),
      `${NAME} 1.2.3 1 x86_64 MIT`,
    );
    const files = (await query("--queryformat", FILES)).trim().split("\n").map((line) =>
      line.replace(/ +/g, " ")
    );
    assert.deepEqual(files, [
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
      `-rw-r--r-- root:root /usr/lib/${NAME}/program.mjs`,
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
    const other = await buildRpm({ ...plan, architecture: "arm64", output: directory.path });
    assert.equal(other, join(directory.path, `${NAME}-1.2.3-1.aarch64.rpm`));
    assert.equal(await run("rpm", "-qp", "--nosignature", "--queryformat", "%{ARCH}", other), "aarch64");
    for (const script of ["prein", "postin", "preun", "postun"]) {
      const path = join(directory.path, script);
      await Deno.writeTextFile(path, await query("--queryformat", `%{${script.toUpperCase()}}`));
      await run("sh", "-n", path);
      assert.doesNotMatch(await Deno.readTextFile(path), /@[A-Z]+@/);
    }
  },
});
