/**
 * Audits the dependencies of the lock file: checks their licences against a list of allowed ones, and asks
 * npm's registry for known faults. Where the registry does not answer (no network, a mirror without
 * advisories), a note says so. It is a failure only where an answer is required, as for a release.
 *
 *   scripts/deno.sh run -A scripts/audit.ts [--timeout SECONDS] [--require-answer]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type NpmPackage, npmPackages } from "./npm_packages.ts";

/** Licences that allow shipping a package inside an MIT-licensed program. */
const ALLOWED_LICENSES = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unlicense"];
/** What packages of the tests may have beside these: it asks something only of who ships them. */
const ALLOWED_IN_TESTS = ["EPL-2.0", "MPL-2.0"];
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
  const refused = packages.filter(({ isShipped, license }) => {
    const allowed = isShipped ? ALLOWED_LICENSES : [...ALLOWED_LICENSES, ...ALLOWED_IN_TESTS];
    return license === undefined || !allowed.includes(license);
  });
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
  /** The names of dependencies, where the fault is in one of them. */
  readonly via: readonly (string | { readonly title: string; readonly url: string })[];
}

/**
 * Asks with npm, not with `deno audit`: npm uses the registry, proxy and certificates of this machine.
 * Returns the faults, or in a few words why there is no answer.
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
    // At a time-out npm does not write JSON.
    if (error instanceof SyntaxError) return "no answer from the registry";
    throw error;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The package.json of a project with just these dependencies. */
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
