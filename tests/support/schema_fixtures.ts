import { fileURLToPath } from "node:url";

/** A state of a released schema, as `tests/fixtures/make_state.ts` has made it. */
export interface SchemaFixture {
  readonly version: number;
  /** The state file. */
  readonly state: string;
  /** The embedded sink's file. */
  readonly sink: string;
  /** What every later program must read in it, as JSON. */
  readonly expected: string;
}

const DIRECTORY = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** All there are, the oldest first. */
export function schemaFixtures(): SchemaFixture[] {
  const versions = [...Deno.readDirSync(DIRECTORY)].flatMap(({ name }) => {
    const version = /^state_v(\d+)\.sqlite$/.exec(name)?.[1];
    return version === undefined ? [] : [Number(version)];
  });
  return versions.sort((a, b) => a - b).map((version) => {
    const base = `${DIRECTORY}state_v${version}`;
    return { version, state: `${base}.sqlite`, sink: `${base}_sink.sqlite`, expected: `${base}.json` };
  });
}
