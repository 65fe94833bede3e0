/** VABUS_URL over connectors whose URLs look nothing like each other. */
import assert from "node:assert/strict";
import { maskUrl } from "../../src/settings/mask.ts";
import type { SourceDeclaration } from "../../src/settings/declaration.ts";
import { busOffset, sourceUrls } from "../../src/settings/source_url.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";

/** Several brokers in one URL, parameters of which some may be seen. */
const BROKERS: SourceDeclaration = {
  kind: "brokers",
  title: "Brokers",
  schemes: { plain: ["brokers"], tls: ["brokerss"] },
  urlForm: "brokers://host:port,…/topic",
  settings: {},
  readUrl: (text) => /\/\w+(\?.*)?$/.test(text) ? text : { problem: "has no topic" },
  addressOf: (text) => text.replace(/\?.*$/, "").replace(/\/\/.*@/, "//"),
  isOpenParameter: (name) => name === "qos",
  configure: () => ({}),
};

/** No authority at all. */
const PIPE: SourceDeclaration = {
  kind: "pipe",
  title: "Pipe",
  schemes: { plain: ["pipe"], tls: [] },
  urlForm: "pipe:",
  settings: {},
  readUrl: (text) => text,
  addressOf: (text) => text,
  configure: () => ({}),
};

const type = sourceUrls([...REGISTRY.sources, BROKERS, PIPE]);

Deno.test("a comma parts URLs where a scheme follows, and belongs to the URL otherwise", () => {
  const read = (text: string) => type.schema.parse(text).map(({ kind, url }) => [kind, url]);
  assert.deepEqual(read("brokers://a:1,b:2/t, http://bus/ ,pipe:,brokerss://c/t?qos=1"), [
    ["brokers", "brokers://a:1,b:2/t"],
    ["vabus", "http://bus"],
    ["pipe", "pipe:"],
    ["brokers", "brokerss://c/t?qos=1"],
  ]);
  assert.deepEqual(read("HTTP://bus"), [["vabus", "HTTP://bus"]]);
});

const WRONG: readonly (readonly [text: string, problem: RegExp])[] = [
  [
    "",
    /does not begin with http:\/\/, https:\/\/, file:\/\/, stdin:\/\/, .*, brokers:\/\/, brokerss:\/\/ or pipe:\/\/$/,
  ],
  ["http://a,", /does not begin with/],
  ["http://a,b", /does not begin with http:\/\/ or https:\/\/$/],
  ["ftp://a", /does not begin with/],
  ["http://a,ftp://b", /does not begin with/],
  ["brokers://a:1,b:2", /has no topic/],
  ["brokers://u:one@a/t,brokers://u:two@a/t?qos=1", /names a bus twice/],
];
for (const [text, problem] of WRONG) {
  Deno.test(`VABUS_URL=${JSON.stringify(text)} is refused`, () => {
    const { success, error } = type.schema.safeParse(text);
    assert.equal(success, false);
    assert.match(error!.issues[0]!.message, problem);
  });
}

Deno.test("what may be secret is masked in each, whatever it looks like", () => {
  assert.equal(
    type.mask!("brokers://u:s3cr3t@a:1,b:2/t?qos=1&key=s3cr3t,http://s3cr3t@bus"),
    "brokers://u:***@a:1,b:2/t?qos=1&***,http://***@bus",
  );
  assert.match(type.allowed, /^an http:.*; brokers:.*; pipe:, several with commas$/);
});

Deno.test("an offset is of a bus of any kind, told by its address", () => {
  const { schema } = busOffset([...REGISTRY.sources, BROKERS, PIPE]);
  const read = (text: string) => schema.parse(text);
  assert.deepEqual(read("http://u:s3cr3t@bus:8000/=12"), { bus: "http://bus:8000", offset: 12 });
  assert.deepEqual(read("brokers://a:1,b:2/t?qos=1=7"), { bus: "brokers://a:1,b:2/t", offset: 7 });
  for (const text of ["http://bus", "http://bus=", "ftp://bus=1", "brokers://a:1=2", "=1"]) {
    assert.equal(schema.safeParse(text).success, false, text);
  }
});

Deno.test("stdin: has no secret", () => {
  assert.equal(maskUrl("stdin:"), "stdin:");
  assert.equal(maskUrl("stdin:?format=csv", (name) => name === "format"), "stdin:?format=csv");
});
