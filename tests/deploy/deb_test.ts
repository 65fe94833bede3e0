/** What is in the package for Debian. package_trials.ts installs it, which takes a Debian of its own. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { buildDeb } from "../../scripts/deb.ts";
import { isOnPath } from "../../scripts/debian.ts";
import { settingsTemplate } from "../../scripts/settings_template.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { readEnvFile } from "../../src/settings/env_file.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { outputOf } from "../support/outcome.ts";
import { buildTwice } from "./package_stand_in.ts";

const NAME = "vabus-data-handler";
const { catalogue } = REGISTRY;

Deno.test({
  name:
    "the package has all that an operator looks for, starts as installed, and has the same bytes each time",
  ignore: Deno.build.os !== "linux" || !await isOnPath("dpkg-deb"),
  fn: async () => {
    await using directory = await temporaryDirectory();
    const { path, plan } = await buildTwice(buildDeb, directory.path);

    const root = join(directory.path, "root");
    await outputOf("dpkg-deb", "--raw-extract", path, root);
    const files = (await outputOf("find", root, "-type", "f", "-printf", "%P\n"))
      .trim().split("\n").sort();
    const ofProgram = `usr/lib/${NAME}/program/`;
    assert.ok(files.includes(`${ofProgram}program.js`), files.join("\n"));
    assert.deepEqual(files.filter((path) => !path.startsWith("DEBIAN/") && !path.startsWith(ofProgram)), [
      `etc/${NAME}/env`,
      `usr/bin/${NAME}`,
      `usr/lib/systemd/system/${NAME}-once.service`,
      `usr/lib/systemd/system/${NAME}-once.timer`,
      `usr/lib/systemd/system/${NAME}.service`,
      ...["main.mjs", NAME].map((file) => `usr/lib/${NAME}/${file}`),
      `usr/share/bash-completion/completions/${NAME}`,
      ...["changelog.Debian.gz", "changelog.gz", "copyright"].map((file) => `usr/share/doc/${NAME}/${file}`),
      ...["backoff", "secrets"].map((file) =>
        `usr/share/doc/${NAME}/examples/${NAME}.service.d/${file}.conf`
      ),
      `usr/share/fish/vendor_completions.d/${NAME}.fish`,
      `usr/share/lintian/overrides/${NAME}`,
      `usr/share/man/man1/${NAME}.1.gz`,
      `usr/share/man/man5/${NAME}.5.gz`,
      `usr/share/zsh/vendor-completions/_${NAME}`,
    ]);
    assert.equal(
      await outputOf("dpkg-deb", "--field", path, "Package", "Version"),
      `Package: ${NAME}\nVersion: 1.2.3-1\n`,
    );
    const other = await buildDeb({ ...plan, output: directory.path, architecture: "arm64" });
    assert.equal(other, join(directory.path, `${NAME}_1.2.3-1_arm64.deb`));
    assert.equal(await outputOf("dpkg-deb", "--field", other, "Architecture"), "arm64\n");
    assert.equal(await Deno.readTextFile(join(root, "DEBIAN/conffiles")), `/etc/${NAME}/env\n`);
    for (const script of ["postinst", "prerm", "postrm"]) {
      await outputOf("sh", "-n", join(root, "DEBIAN", script));
    }
    const stopped = (await Deno.readTextFile(join(root, "DEBIAN/prerm"))).split(/\s+/);
    for (const path of files.filter((path) => path.includes("/systemd/system/"))) {
      assert.ok(stopped.includes(basename(path)), `removing does not stop ${path}`);
    }
    const unit = await Deno.readTextFile(join(root, `usr/lib/systemd/system/${NAME}.service`));
    assert.match(unit, new RegExp(`^ExecStart=/usr/bin/${NAME} run --env-file /etc/${NAME}/env$`, "m"));
    assert.match(unit, /^User=vabus-data-handler$/m);
    assert.doesNotMatch(unit, /DynamicUser|\/usr\/local/);

    // As it is once it is installed, but below another root.
    const launcher = join(root, "usr/bin", NAME);
    const text = await Deno.readTextFile(launcher);
    await Deno.writeTextFile(launcher, text.replace(`'/usr/lib/${NAME}'`, `'${root}/usr/lib/${NAME}'`));
    const [started, cache, ...args] = (await outputOf(launcher, "status", "--json")).trim().split("\n");
    assert.equal(started, `${root}/usr/lib/${NAME}/${NAME}`);
    // Where not even root can make a directory, so that nothing is kept.
    assert.equal(cache, "/dev/null/none");
    assert.deepEqual(args.slice(-3), [`${root}/usr/lib/${NAME}/main.mjs`, "status", "--json"]);
  },
});

Deno.test("the env file of a package sets nothing, and names every setting in a line that can be taken as it is", () => {
  const template = settingsTemplate(catalogue);
  const isOurs = (name: string | undefined) => name !== undefined && catalogue.givenNames.includes(name);
  assert.deepEqual(readEnvFile(template, isOurs), { variables: [], faults: [] });
  const { variables, faults } = readEnvFile(template.replaceAll(/^#(?=[A-Z])/gm, ""), isOurs);
  assert.deepEqual(faults, []);
  const named = variables.map(({ name }) => catalogue.ofGiven(name));
  // By their headings, as in docs/settings.md.
  assert.deepEqual(named.toSorted(), catalogue.names.toSorted());
  for (const { name, value } of variables) {
    if (!catalogue.has(name)) continue;
    assert.ok(catalogue.variable(name).type.schema.safeParse(value).success, `${name}=${value}`);
  }
});
