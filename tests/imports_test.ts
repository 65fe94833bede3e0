import assert from "node:assert/strict";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

/** Imports go down only: a file may import what is on a lower floor, and its own part. */
const FLOORS: readonly (readonly string[])[] = [
  ["event"],
  ["aggregation"],
  ["contract"],
  ["codec", "state", "bus"],
  ["sources", "sinks"],
  ["ingest", "delivery"],
  ["runtime", "access"],
  ["control", "flink"],
  ["api", "demo"],
  ["cli"],
  ["main"],
];

/** These parts import nothing but `event`. */
const LEAVES = ["platform", "version"];

/** A document that a part shows, and that is so a part of the program: the one of the docs, not a copy. */
const SHOWN_DOCUMENTS: Readonly<Record<string, string>> = { "control/runbook.ts": "../docs/runbook.md" };
/** The code of the page runs in a browser: it has the types of the API and nothing else of the program. */
const PAGE = "dashboard";
const PAGE_TYPES = ["api", "runtime"];

/** No packages, no I/O, no clock, no randomness: the same events always give the same aggregates. */
const PURE_PARTS = ["event", "aggregation"];
const CONFIG_READERS = ["main", "cli", "demo", "control", "flink", "runtime"];
/** What a connector declares its settings with. The settings themselves it gets as parameters. */
const DECLARING = [
  "bus_login",
  "declaration",
  "mask",
  "near_miss",
  "scope",
  "share",
  "http_url",
  "value_type",
  "variable",
];
const DECLARERS = ["contract", "sources", "sinks"];
const IMPURE =
  /\b(Deno|process|fetch|console|performance|setTimeout|setInterval|localStorage)\b|\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b/;

/** The part of the design that a file below src belongs to. */
function partOf(file: string): string {
  return file.replace(/\.ts$/, "").split("/")[0]!;
}

/** The connector that a file below src belongs to, such as `sinks/kafka`; undefined: to none. */
function connectorOf(file: string): string | undefined {
  return /^(?:sources|sinks)\/[^/]+(?=\/)/.exec(file)?.[0];
}

function floorOf(part: string): number {
  return FLOORS.findIndex((parts) => parts.includes(part));
}

/** Why `file` may not import `target`, both below src; undefined when it may. */
function whyForbidden(file: string, target: string): string | undefined {
  if (SHOWN_DOCUMENTS[file] === target) return undefined;
  const [from, to] = [partOf(file), partOf(target)];
  const [fromConnector, toConnector] = [connectorOf(file), connectorOf(target)];
  if (fromConnector && toConnector && fromConnector !== toConnector) {
    return "connectors do not know each other";
  }
  if (/^(?:sources|sinks)\/registry\.ts$/.test(target) && from !== "runtime") {
    return "only the runtime knows which connectors there are";
  }
  if (toConnector && fromConnector !== toConnector) {
    return file === `${to}/registry.ts` ? undefined : `only a registry knows ${toConnector}`;
  }
  if (from === to) return undefined;
  if (to === PAGE) return "the page is bundled by itself";
  if (from === PAGE) return PAGE_TYPES.includes(to) ? undefined : `the page knows nothing of ${to}`;
  if (LEAVES.includes(from)) return `${from} is a leaf and imports nothing`;
  if (from === "aggregation" && to !== "event") return "aggregation imports nothing but events";
  if (from === "event") return "events import nothing";
  if (LEAVES.includes(to)) return undefined;
  if (to === "settings") {
    if (DECLARERS.includes(from) && DECLARING.some((name) => target === `settings/${name}.ts`)) {
      return undefined;
    }
    return CONFIG_READERS.includes(from) ? undefined : `${from} gets its settings as parameters`;
  }
  if (from === "settings") return "the settings know no other part";
  const [fromFloor, toFloor] = [floorOf(from), floorOf(to)];
  if (fromFloor < 0) return `${from} has no floor in the design`;
  if (toFloor < 0) return `${to} has no floor in the design`;
  if (toFloor < fromFloor) return undefined;
  return toFloor > fromFloor ? `${to} is above ${from}` : `${to} is beside ${from}`;
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** The same without what is imported for its types only. */
function withoutTypes(source: string): string {
  return source.replace(/\bimport type [^;]*;/g, "");
}

/** What a source text imports or re-exports, statically or dynamically. */
function importsOf(source: string): string[] {
  const statement =
    /\b(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/g;
  return [...withoutComments(source).matchAll(statement)].map((match) => (match[1] ?? match[2])!);
}

function faultsOf(file: string, source: string): string[] {
  const isPure = PURE_PARTS.includes(partOf(file));
  const faults = importsOf(source).flatMap((specifier) => {
    const why = specifier.startsWith(".")
      ? whyForbidden(file, posix.join(posix.dirname(file), specifier))
      : isPure
      ? `${partOf(file)} is pure`
      : undefined;
    return why === undefined ? [] : [`src/${file} imports ${specifier}: ${why}`];
  });
  if (partOf(file) === PAGE) {
    const outside = importsOf(withoutTypes(source)).filter((specifier) =>
      specifier.startsWith(".") && partOf(posix.join(posix.dirname(file), specifier)) !== PAGE
    );
    for (const specifier of outside) faults.push(`src/${file} imports ${specifier}: more than its types`);
  }
  if (isPure) {
    const impure = IMPURE.exec(withoutComments(source));
    if (impure !== null) faults.push(`src/${file} uses ${impure[0]}: ${partOf(file)} is pure`);
  }
  return faults;
}

async function sourceFiles(root: string, below = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(join(root, below))) {
    const path = posix.join(below, entry.name);
    if (entry.isDirectory) files.push(...await sourceFiles(root, path));
    else if (/\.(ts|tsx|js|mjs)$/.test(entry.name)) files.push(path);
  }
  return files.sort();
}

Deno.test("every import in src goes down", async () => {
  const src = join(dirname(dirname(fileURLToPath(import.meta.url))), "src");
  const files = await sourceFiles(src);
  assert.ok(files.includes("event/event.ts"), "the sources were found");
  const faults: string[] = [];
  for (const file of files) faults.push(...faultsOf(file, await Deno.readTextFile(join(src, file))));
  assert.deepEqual(faults, []);
});

Deno.test("what the floors forbid is found", () => {
  const forbidden: [file: string, source: string][] = [
    ["state/database.ts", 'import { Router } from "../delivery/router.ts";'],
    ["ingest/ingest.ts", 'import type { Router } from "../delivery/router.ts";'],
    ["delivery/router.ts", 'export { Ingest } from "../ingest/ingest.ts";'],
    ["runtime/handler.ts", 'await import("../cli/run.ts");'],
    ["state/database.ts", 'import { KafkaSink } from "../sinks/kafka/kafka_sink.ts";'],
    ["sinks/kafka/kafka_sink.ts", 'import { Row } from "../postgres/row.ts";'],
    ["sinks/kafka/sink.ts", 'import { loadConfig } from "../../settings/config.ts";'],
    ["sinks/kafka/sink.ts", 'import { SINKS } from "../registry.ts";'],
    ["sinks/alarms.ts", 'import { KafkaSink } from "./kafka/kafka_sink.ts";'],
    ["runtime/parts.ts", 'import { KAFKA } from "../sinks/kafka/connector.ts";'],
    ["cli/check.ts", 'import { SINKS } from "../sinks/registry.ts";'],
    ["settings/config.ts", 'import { SINKS } from "../sinks/registry.ts";'],
    ["settings/schema.ts", 'import { Sink } from "../contract/sink.ts";'],
    ["platform/log/logger.ts", 'import { VERSION } from "../../version.ts";'],
    ["cli/run.ts", 'import "../main.ts";'],
    ["cli/run.ts", 'import { pad } from "../utils/pad.ts";'],
    ["aggregation/windows.ts", 'import { Logger } from "../platform/log/logger.ts";'],
    ["aggregation/windows.ts", 'import { Client } from "../sources/vabus/client.ts";'],
    ["aggregation/windows.ts", 'import { readFile } from "node:fs/promises";'],
    ["aggregation/windows.ts", "const now = Date.now();"],
    ["event/event.ts", 'import { Aggregate } from "../aggregation/aggregate.ts";'],
    ["event/event_batch.ts", 'import { z } from "zod";'],
    ["api/page_files.ts", 'import { App } from "../dashboard/app.ts";'],
    ["dashboard/status.ts", 'import { STATUS } from "../api/status_endpoint.ts";'],
    ["dashboard/status.ts", 'import type { Config } from "../settings/config.ts";'],
  ];
  for (const [file, source] of forbidden) {
    assert.equal(faultsOf(file, source).length, 1, `${file}: ${source}`);
  }
});

Deno.test("what the floors allow passes", () => {
  const allowed: [file: string, source: string][] = [
    ["main.ts", 'import { runCli } from "./cli/cli.ts";'],
    ["runtime/registry.ts", 'import { SINKS } from "../sinks/registry.ts";'],
    ["sinks/registry.ts", 'import { KAFKA } from "./kafka/connector.ts";'],
    ["sinks/kafka/connector.ts", 'import { path } from "../../settings/value_type.ts";'],
    [
      "cli/status.ts",
      'import {\n  Database,\n} from "../state/database.ts";\nimport { load } from "../settings/load.ts";',
    ],
    [
      "ingest/ingest.ts",
      'import type { Source } from "../contract/source.ts";\nimport { log } from ' +
      '"../platform/log/logger.ts";',
    ],
    ["delivery/router.ts", 'import type { Outbox } from "../state/outbox/outbox.ts";'],
    [
      "state/database.ts",
      'import type { Sink } from "../contract/sink.ts";\nimport { DatabaseSync } from "node:sqlite";',
    ],
    ["state/checkpoint.ts", 'import { Aggregate } from "../aggregation/aggregate.ts";'],
    ["settings/schema.ts", 'import { z } from "zod";\nimport { Logger } from "../platform/log/logger.ts";'],
    [
      "aggregation/sketch.ts",
      'import type { Event } from "../event/event.ts";',
    ],
    [
      "aggregation/windows.ts",
      '/** `import { x } from "../cli/run.ts"` and Date.now() are far away. */\n// fetch',
    ],
    ["event/event_batch.ts", 'import type { Event } from "./event.ts";'],
    ["dashboard/overview/part.ts", 'import { html } from "../html.ts";'],
    ["dashboard/status.ts", 'import type { STATUS } from "../api/status_endpoint.ts";'],
    ["codec/event_scanner.ts", 'import { createHash } from "node:crypto";'],
  ];
  for (const [file, source] of allowed) assert.deepEqual(faultsOf(file, source), [], file);
});
