/** Which test files share a process, and which processes come first. */
import { dirname, join } from "node:path";
import { TestImports } from "./test_imports.ts";

/** The longest test files, longest first. They begin first, since they decide how long all takes. */
export const LONGEST: readonly string[] = [
  "tests/e2e/recount_test.ts",
  "tests/sim/sim_test.ts",
  "tests/e2e/instances_test.ts",
  "tests/sim/found_out_test.ts",
  "tests/e2e/upgrade_test.ts",
  "tests/e2e/check_test.ts",
  "tests/e2e/restored_bus_test.ts",
  "tests/sources/vabus",
  "tests/state/file",
  "tests/fuzz/fuzz_test.ts",
  "tests/e2e/protocols_test.ts",
  "tests/chaos/chaos_test.ts",
  "tests/e2e/tour_test.ts",
  "tests/e2e/kafka_tls_test.ts",
  "tests/e2e/bad_input_test.ts",
  "tests/e2e/outage_test.ts",
  "tests/ingest",
  "tests/codec/mapping",
  "tests/e2e/demo_story_test.ts",
  "tests/dashboard/browser/open_for_hours_test.ts",
  "tests/e2e/kafka_source_test.ts",
  "tests/sinks/kafka/kafka_sink_test.ts",
  "tests/runtime",
  "tests/e2e/redeliver_test.ts",
  "tests/contract/sink_contract_test.ts",
  "tests/e2e/signals_test.ts",
  "tests/e2e/clock_test.ts",
  "tests/e2e/demo_test.ts",
  "tests/aggregation",
  "tests/deploy/audit_test.ts",
  "tests/e2e/files_test.ts",
  "tests/e2e/commands_test.ts",
  "tests/bus",
  "tests/sim/wire/wire_test.ts",
  "tests/deploy/deb_test.ts",
  "tests/e2e/whose_state_test.ts",
  "tests/state/checkpoint",
  "tests/e2e/crash_test.ts",
  "tests/e2e/verify_kafka_test.ts",
  "tests/e2e/foreign_files_test.ts",
  "tests/mutants/trial_test.ts",
  "tests/deploy/alerts_test.ts",
  "tests/dashboard/browser/sign_in_test.ts",
  "tests/dashboard/browser/refusals_test.ts",
  "tests/e2e/several_buses_test.ts",
  "tests/e2e/nats_source_test.ts",
  "tests/e2e/killed_close_test.ts",
  "tests/e2e/api_schema_test.ts",
  "tests/dashboard/browser/orders_test.ts",
  "tests/api",
  "tests/e2e/regions_test.ts",
  "tests/e2e/once_test.ts",
  "tests/e2e/queue_mode_test.ts",
  "tests/e2e/mqtt_source_test.ts",
  "tests/e2e/documents_test.ts",
  "tests/deploy/rpm_test.ts",
  "tests/build/unpacked_test.ts",
  "tests/scripts",
  "tests/e2e/odd_bytes_test.ts",
  "tests/dashboard/browser/series_marks_test.ts",
  "tests/sources/listen",
  "tests/sinks/hostile_servers_test.ts",
  "tests/e2e/tiers_test.ts",
  "tests/e2e/fleet_test.ts",
  "tests/codec/otlp",
  "tests/sources/file",
  "tests/e2e/watch_test.ts",
  "tests/build/self_extracting_test.ts",
  "tests/deploy/systemd_live_test.ts",
  "tests/state/outbox",
  "tests/sinks/kafka/kafka_read_back_test.ts",
  "tests/settings",
  "tests/e2e/two_lives_test.ts",
  "tests/e2e/sparkplug_test.ts",
  "tests/sinks/rows_at_fault_test.ts",
  "tests/e2e/receiver_faults_test.ts",
  "tests/e2e/stays_test.ts",
  "tests/e2e/listen_test.ts",
  "tests/codec",
  "tests/event",
  "tests/e2e/tap_tls_test.ts",
  "tests/e2e/main_test.ts",
  "tests/dashboard/browser/missing_aggregates_test.ts",
  "tests/codec/prometheus",
];

/**
 * Files below these directories get their own process, where they start servers or programs, which take most
 * of their time, or take long.
 */
const ONE_BY_ONE = [
  "tests/build",
  "tests/chaos",
  "tests/contract",
  "tests/dashboard/browser",
  "tests/deploy",
  "tests/e2e",
  "tests/fuzz",
  "tests/mutants",
  "tests/sim",
  "tests/sinks",
  "tests/sources/kafka",
  "tests/sources/mqtt",
  "tests/sources/redis",
];

/** What installs servers and tools, and what starts the program. */
const INSTALLER = "scripts/debian.ts";
const STARTER = "tests/support/executable.ts";

/** Test files that run one after another, in one process. */
export interface TestFiles {
  readonly name: string;
  readonly files: readonly string[];
}

export interface TestGroup extends TestFiles {
  /** Whether it may use servers or tools that have to be installed first. */
  readonly usesServers: boolean;
}

/** @param files Relative to `root`, which is that of the repository. */
export function testGroups(root: string, files: readonly string[]): TestGroup[] {
  const imports = new TestImports(root);
  const byName = new Map<string, string[]>();
  for (const file of files) {
    const directory = dirname(file);
    const isOwn = isOneByOne(directory) &&
      (LONGEST.includes(file) || imports.reach(file, [INSTALLER, STARTER]));
    const name = isOwn ? file : directory;
    byName.set(name, [...byName.get(name) ?? [], file]);
  }
  const rank = ({ name }: TestGroup) => {
    const rank = LONGEST.indexOf(name);
    return rank < 0 ? LONGEST.length : rank;
  };
  return [...byName]
    .map(([name, files]) => ({
      name,
      files,
      usesServers: files.some((file) => imports.reach(file, [INSTALLER])),
    }))
    .sort((a, b) => rank(a) - rank(b));
}

/** Tests that start neither servers nor programs. */
export function quickFiles(files: readonly string[]): string[] {
  return files.filter((file) => !isOneByOne(dirname(file)));
}

function isOneByOne(directory: string): boolean {
  return ONE_BY_ONE.some((parent) => `${directory}/`.startsWith(`${parent}/`));
}

/** All test files at or below `path`, relative to `root`, sorted. */
export async function testFiles(root: string, path: string): Promise<string[]> {
  const relative = path.replace(/\/+$/, "");
  if ((await Deno.stat(join(root, relative))).isFile) return [relative];
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, relative))) {
    const child = join(relative, name);
    if (isDirectory) found.push(...await testFiles(root, child));
    else if (name.endsWith("_test.ts")) found.push(child);
  }
  return found.sort();
}
