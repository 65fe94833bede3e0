import assert from "node:assert/strict";
import { ConfigError } from "../../src/settings/fault.ts";
import { proxyFor } from "../../src/settings/proxy.ts";
import { redact } from "../../src/settings/redaction.ts";
import { busesOf, loadConfig, sourcesOf } from "./sources.ts";

const PROXY = "http://user:s3cr3t@proxy:3128";

/** The variable whose proxy is taken. */
function variableFor(url: string, environment: Record<string, string>): string | undefined {
  return proxyFor(url, environment)?.variable;
}

Deno.test("the scheme of the bus chooses the variable, the special one before the general, upper case before lower", () => {
  const all = { HTTP_PROXY: PROXY, http_proxy: PROXY, HTTPS_PROXY: PROXY, ALL_PROXY: PROXY };
  assert.equal(variableFor("http://bus:8000", all), "HTTP_PROXY");
  assert.equal(variableFor("https://bus", all), "HTTPS_PROXY");
  assert.equal(variableFor("https://bus", { HTTP_PROXY: PROXY }), undefined);
  assert.equal(variableFor("https://bus", { all_proxy: PROXY, HTTPS_PROXY: " " }), "all_proxy");
  assert.equal(variableFor("http://bus", {}), undefined);
});

Deno.test("this host is never reached through a proxy", () => {
  for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "LOCALHOST"]) {
    assert.equal(variableFor(`http://${host}:8000`, { HTTP_PROXY: PROXY }), undefined, host);
  }
});

Deno.test("NO_PROXY: a host, all below a domain, an address, a range, with a port or without", () => {
  const isExcepted = (host: string, exceptions: string) =>
    variableFor(`http://${host}`, { HTTP_PROXY: PROXY, NO_PROXY: exceptions }) === undefined;
  const excepted = [
    ["bus.plant.example", "bus.plant.example"],
    ["bus.plant.example", "other, BUS.plant.example"],
    ["bus.plant.example", "plant.example"],
    ["bus.plant.example", ".plant.example"],
    ["bus.plant.example", "*.plant.example"],
    ["bus.plant.example:8000", "bus.plant.example:8000"],
    ["bus.plant.example", "bus.plant.example:80"],
    ["10.1.2.3", "10.1.2.3"],
    ["10.1.2.3", "10.0.0.0/8"],
    ["10.1.2.3:8000", "10.1.2.3:8000"],
    ["[fd12::1]", "fd00::/8"],
    ["[fd12::1]", "[fd12::1]"],
    ["anything", "*"],
  ] as const;
  for (const [host, exceptions] of excepted) assert.ok(isExcepted(host, exceptions), `${host} ${exceptions}`);
  const others = [
    ["bus.plant.example", "lant.example"],
    ["bus.plant.example", "us.plant.example"],
    ["bus.plant.example:8000", "bus.plant.example:8001"],
    ["10.1.2.3", "11.0.0.0/8"],
    ["10.1.2.3", "10.0.0.0/99"],
    ["10.1.2.3", "2.3"],
    ["[fd12::1]", "10.0.0.0/8"],
    ["bus", ""],
    ["bus", ","],
  ] as const;
  for (const [host, exceptions] of others) assert.ok(!isExcepted(host, exceptions), `${host} ${exceptions}`);
});

Deno.test("each bus has its own proxy or none; what is secret in it is known as such", () => {
  const environment = { HTTPS_PROXY: PROXY, NO_PROXY: "b", VABUS_URL: "https://a,https://b,http://c" };
  const config = loadConfig(sourcesOf({ environment }), () => []);
  assert.deepEqual(busesOf(config).map(({ address: { url, proxy } }) => [url, proxy?.masked]), [
    ["https://a", "http://user:***@proxy:3128"],
    ["https://b", undefined],
    ["http://c", undefined],
  ]);
  assert.doesNotMatch(redact(PROXY, config.secrets), /s3cr3t/);
});

Deno.test("a proxy that cannot be used is a fault where a bus would need it, and there only", () => {
  for (
    const text of ["http://user:s3cr3t@", "ftp://s3cr3t@proxy", ":::", "http://a b", "http://u:s3@cr3t@proxy"]
  ) {
    const environment = { HTTP_PROXY: text, VABUS_URL: "http://a,http://b" };
    assert.throws(() => loadConfig(sourcesOf({ environment }), () => []), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(error.faults.map(({ subject }) => subject), ["HTTP_PROXY"], text);
      assert.doesNotMatch(error.message, /s3|cr3t/);
      return true;
    });
    loadConfig(sourcesOf({ environment: { HTTP_PROXY: text } }), () => []);
  }
  assert.equal(proxyFor("http://a", { HTTP_PROXY: "proxy:3128" })?.masked, "http://proxy:3128");
});

Deno.test("buses that are no HTTP servers need no proxy, several brokers and credentials included", () => {
  const text = "kafka://u:pw@b1:9092,b2:9092/events?sasl=plain,kafka://[::1]:9092,b2/events";
  const environment = { HTTP_PROXY: PROXY, VABUS_URL: text, ALL_PROXY: PROXY };
  const { sources } = loadConfig(sourcesOf({ environment }), () => []);
  assert.deepEqual(sources.map(({ address }) => address), [
    "kafka://b1:9092,b2:9092/events",
    "kafka://[::1]:9092,b2:9092/events",
  ]);
});
