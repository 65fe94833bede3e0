/**
 * The bill of materials.
 *
 *   scripts/deno.sh run -A scripts/sbom.ts
 */
import { VERSION } from "../src/version.ts";
import { type NpmPackage, npmPackages } from "./npm_packages.ts";
import { currentCommit } from "./source_version.ts";

export interface Subject {
  readonly version: string;
  readonly commit: string;
  readonly denoVersion: string;
}

/**
 * The bill of materials of the program in CycloneDX 1.6: the contents of the executable, pinned by hash. The
 * same sources give the same document, so it contains neither a time nor a random serial number.
 */
export function sbom({ version, commit, denoVersion }: Subject, packages: readonly NpmPackage[]) {
  const shipped = packages.filter(({ isShipped }) => isShipped);
  const program = `pkg:generic/vabus-data-handler@${version}`;
  const runtime = `pkg:generic/deno@${denoVersion}`;
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": program,
        name: "vabus-data-handler",
        version,
        licenses: [{ license: { id: "MIT" } }],
        properties: [{ name: "commit", value: commit }],
      },
    },
    components: [
      {
        type: "platform",
        "bom-ref": runtime,
        name: "deno",
        version: denoVersion,
        description: "JavaScript runtime, with V8 and SQLite inside",
        licenses: [{ license: { id: "MIT" } }],
        purl: runtime,
      },
      ...shipped.map((npm) => ({
        type: "library",
        "bom-ref": purl(npm),
        name: npm.name,
        version: npm.version,
        scope: "required",
        hashes: [{ alg: "SHA-512", content: npm.sha512 }],
        ...(npm.license !== undefined && { licenses: [{ license: { id: npm.license } }] }),
        purl: purl(npm),
      })),
    ],
    dependencies: [
      { ref: program, dependsOn: [runtime, ...shipped.map(purl)] },
      { ref: runtime },
      ...shipped.map((npm) => ({
        ref: purl(npm),
        dependsOn: npm.dependencies.map((id) => `pkg:npm/${encode(id)}`),
      })),
    ],
  };
}

function purl({ name, version }: NpmPackage): string {
  return `pkg:npm/${encode(`${name}@${version}`)}`;
}

/** The at sign of a scope is escaped, the one of the version is not. */
function encode(id: string): string {
  return id.replace(/^@/, "%40");
}

if (import.meta.main) {
  const subject = { version: VERSION, commit: await currentCommit(), denoVersion: Deno.version.deno };
  console.log(JSON.stringify(sbom(subject, await npmPackages()), undefined, 2));
}
