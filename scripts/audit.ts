/**
 * Audits the dependencies of the lock file: their licences against a list of allowed ones, and known faults as far as npm's
 * registry tells them. Where it does not (no network, a mirror without advisories), that is said, and is a failure only where it
 * is required, as for a release.
 *
 *   scripts/deno.sh run -A scripts/audit.ts [--timeout SECONDS] [--require-answer]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type NpmPackage, npmPackages } from "./npm_packages.ts";

/** Each allows to ship the package inside of an MIT-licensed program. */
const ALLOWED_LICENSES = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unlicense"];
const { values: { timeout, "require-answer": isAnswerRequired } } = parseArgs({
  options: {
    timeout: { type: "string", default: "4" },
    "require-answer": { type: "boolean", default: false },
  },
});
/** How long the registry may take. */
const TIMEOUT_MS = Number(timeout) * 1000;

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
  const answer = await askNpm(await npmPackages());
  if (typeof answer === "string") {
    console.log(`known faults: not looked up (${answer})`);
    return !isAnswerRequired;
  }
  for (const { name, range, severity, via } of Object.values(answer)) {
    const titles = via.map((cause) =>
      typeof cause === "string" ? `by ${cause}` : `${cause.title} ${cause.url}`
    );
    console.error(`${name} ${range} has a known fault (${severity}): ${titles.join("; ")}`);
  }
  const isClean = Object.keys(answer).length === 0;
  if (isClean) console.log("known faults: none");
  return isClean;
}

interface Vulnerability {
  readonly name: string;
  readonly range: string;
  readonly severity: string;
  /** Names where the fault is in what the package needs. */
  readonly via: readonly (string | { readonly title: string; readonly url: string })[];
}

/**
 * Asks by npm, not by `deno audit`: npm knows the registry, proxy and certificates that this machine is set up with. Answers with
 * the faults, or with why it could not, in a few words.
 */
async function askNpm(packages: readonly NpmPackage[]): Promise<Record<string, Vulnerability> | string> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-audit-" });
  try {
    await Deno.writeTextFile(join(directory, "package.json"), JSON.stringify(manifest(packages)));
    await Deno.writeTextFile(join(directory, "package-lock.json"), JSON.stringify(lockFile(packages)));
    const { stdout } = await new Deno.Command("npm", {
      args: ["audit", "--json", "--audit", "--package-lock-only", "--fetch-retries=0"],
      cwd: directory,
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    const report = JSON.parse(new TextDecoder().decode(stdout)) as {
      vulnerabilities?: Record<string, Vulnerability>;
      statusCode?: number;
    };
    return report.vulnerabilities ??
      (report.statusCode ? `the registry answers ${report.statusCode}` : "the registry is out of reach");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "npm is not here";
    // What npm writes when its time is up is no JSON.
    if (error instanceof SyntaxError) return "no answer from the registry";
    throw error;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Of a project that needs just these. */
function manifest(packages: readonly NpmPackage[]) {
  return {
    name: "audited",
    version: "1.0.0",
    dependencies: Object.fromEntries(packages.map(({ name, version }) => [name, version])),
  };
}

function lockFile(packages: readonly NpmPackage[]) {
  return {
    lockfileVersion: 3,
    packages: {
      "": manifest(packages),
      ...Object.fromEntries(packages.map(({ name, version }) => [`node_modules/${name}`, { version }])),
    },
  };
}

const verdicts = [await auditLicenses(), await auditFaults()];
Deno.exit(verdicts.every(Boolean) ? 0 : 1);
