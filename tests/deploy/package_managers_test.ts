/** What Homebrew, winget and scoop are told, and the services of macOS and Windows, read by real parsers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { ensureProgram } from "../../scripts/debian.ts";
import { IncompleteRelease, writeForPackageManagers } from "../../scripts/package_managers.ts";
import { PLATFORMS } from "../../scripts/platforms.ts";
import { VERSION } from "../../src/version.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { outputOf } from "../support/outcome.ts";

const DOWNLOADS = `https://github.com/vabus/vabus-data-handler/releases/download/v${VERSION}`;
const OTHERS = ["vabus-data-handler.1", "vabus-data-handler.5", "vabus-data-handler.env", "install.sh"];
/** Each file's own, so that a checksum beside another file's address is found. */
const SUMS = new Map(
  [...PLATFORMS.map(({ fileName }) => fileName), ...OTHERS].map((name, i) =>
    [name, `${i}`.repeat(64)] as const
  ),
);

async function writeSums(directory: string, names: readonly string[]): Promise<void> {
  const lines = names.map((name) => `${SUMS.get(name)}  ${name}\n`);
  await Deno.writeTextFile(join(directory, "SHA256SUMS"), lines.join(""));
}

const deployed = (path: string) => fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url));

Deno.test("package managers are told each file's address with its own checksum", async () => {
  await using directory = await temporaryDirectory();
  await writeSums(directory.path, [...SUMS.keys()]);
  const [formula = "", version = "", installer = "", locale = "", scoop = ""] = await writeForPackageManagers(
    directory.path,
    join(directory.path, "out"),
  );

  assert.match(await outputOf(await ensureProgram("ruby"), "-c", formula), /^Syntax OK/);
  const files = [...(await Deno.readTextFile(formula)).matchAll(/^ +url "(.*)"\n +sha256 "(.*)"$/gm)];
  const wanted = [...SUMS.keys()].filter((name) => !/windows|install/.test(name));
  assert.deepEqual(
    files.map(([, url, sum]) => [url, sum]).toSorted(),
    wanted.map((name) => [`${DOWNLOADS}/${name}`, SUMS.get(name)]).toSorted(),
  );

  const windows = "vabus-data-handler-windows-x64.exe";
  const manifests = await Promise.all(
    [version, installer, locale].map(async (path) => parse(await Deno.readTextFile(path))),
  );
  for (const { PackageIdentifier, PackageVersion, ManifestVersion } of manifests) {
    assert.deepEqual([PackageIdentifier, PackageVersion, ManifestVersion], [
      "VaBus.DataHandler",
      VERSION,
      "1.9.0",
    ]);
  }
  assert.deepEqual(manifests.map(({ ManifestType }) => ManifestType), [
    "version",
    "installer",
    "defaultLocale",
  ]);
  assert.deepEqual(manifests[1].Installers, [
    {
      Architecture: "x64",
      InstallerUrl: `${DOWNLOADS}/${windows}`,
      InstallerSha256: SUMS.get(windows),
    },
  ]);

  const bucket = JSON.parse(await Deno.readTextFile(scoop));
  assert.deepEqual(bucket.architecture["64bit"], {
    url: `${DOWNLOADS}/${windows}#/${bucket.bin}`,
    hash: SUMS.get(windows),
  });
  assert.equal(
    bucket.autoupdate.architecture["64bit"].url.replace("$version", VERSION),
    bucket.architecture["64bit"].url,
  );
});

Deno.test("a release without all platforms is told to package managers by none of its files", async () => {
  await using directory = await temporaryDirectory();
  const output = join(directory.path, "out");
  await assert.rejects(writeForPackageManagers(directory.path, output), IncompleteRelease);
  await writeSums(directory.path, ["vabus-data-handler-linux-x64"]);
  await assert.rejects(writeForPackageManagers(directory.path, output), {
    message: new RegExp(`^${directory.path} has no vabus-data-handler-linux-arm64, .*make dist ARGS=--all`),
  });
  await assert.rejects(Deno.stat(output), Deno.errors.NotFound);
});

Deno.test("the service of macOS is a property list, that of Windows is XML, and both run the same command", async () => {
  const python = await ensureProgram("python3");
  const plist = JSON.parse(
    await outputOf(
      python,
      "-c",
      "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))",
      deployed("launchd/com.github.vabus.vabus-data-handler.plist"),
    ),
  );
  assert.equal(plist.Label, "com.github.vabus.vabus-data-handler");
  assert.deepEqual(plist.ProgramArguments.slice(1, 3), ["run", "--env-file"]);
  assert.deepEqual(plist.KeepAlive, { SuccessfulExit: false });
  const texts = JSON.parse(
    await outputOf(
      python,
      "-c",
      "import json, sys, xml.etree.ElementTree as t; " +
        "print(json.dumps({e.tag: e.text for e in t.parse(sys.argv[1]).getroot()}))",
      deployed("windows/vabus-data-handler-service.xml"),
    ),
  );
  assert.match(texts.id, /^[A-Za-z0-9]+$/);
  assert.match(texts.arguments, /^run --env-file "/);
});
