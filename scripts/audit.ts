/**
 * Audits the dependencies of the lock file: their licences against a list of allowed ones, and known faults as far as the
 * registry tells them. Where it does not (no network, a mirror without advisories), that is said, and is no failure.
 *
 *   scripts/deno.sh run -A scripts/audit.ts
 */
import { stripVTControlCharacters } from "node:util";
import { npmPackages } from "./npm_packages.ts";

/** Each allows to ship the package inside of an MIT-licensed program. */
const ALLOWED_LICENSES = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unlicense"];
const TIMEOUT_MS = 60_000;

async function auditLicenses(): Promise<boolean> {
  const packages = await npmPackages();
  const refused = packages.filter(({ license }) =>
    license === undefined || !ALLOWED_LICENSES.includes(license)
  );
  for (const { name, version, license } of refused) {
    console.error(
      `${name} ${version} has the licence ${license ?? "(none named)"}, which is not on the list of audit.ts`,
    );
  }
  if (refused.length === 0) console.log(`licences: ${packages.length} packages, all allowed`);
  return refused.length === 0;
}

async function auditFaults(): Promise<boolean> {
  const plain = await deno("audit");
  if (plain.success) {
    console.log("known faults: none");
    return true;
  }
  // The same once more, not minding a registry that does not answer: if that is well, the registry was all there was.
  const lenient = await deno("audit", "--ignore-registry-errors");
  if (lenient.success) {
    console.log(`known faults: not looked up, the registry tells none: ${plain.text.split("\n")[0]}`);
    return true;
  }
  console.error(plain.text);
  return false;
}

async function deno(...args: string[]): Promise<{ success: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: new URL("..", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  const decoder = new TextDecoder();
  return { success, text: stripVTControlCharacters(decoder.decode(stdout) + decoder.decode(stderr)).trim() };
}

const verdicts = [await auditLicenses(), await auditFaults()];
Deno.exit(verdicts.every(Boolean) ? 0 : 1);
