import assert from "node:assert/strict";
import { maskedConfig } from "../../src/settings/effective.ts";
import { redact } from "../../src/settings/redaction.ts";
import { busUrlsOf, loadBusConfig, loadConfig, sourcesOf } from "./sources.ts";

const URL_WITH_SECRET = "https://plant:s3cr3t@bus:8000";

function warningsOf(known: Parameters<typeof sourcesOf>[0]): readonly string[] {
  const { warnings } = loadConfig(sourcesOf(known), () => []);
  assert.doesNotMatch(warnings.join(), /s3cr3t/);
  return warnings;
}

Deno.test("a secret in a flag is told, by the name of the flag, with the better way", () => {
  const bus = { VABUS_URL: "https://bus:8000" };
  assert.match(
    warningsOf({ flags: { ...bus, VABUS_TOKEN: "s3cr3t" } }).join(),
    /--vabus-token holds .* VABUS_TOKEN_FILE/,
  );
  assert.match(
    warningsOf({ flags: { VABUS_URL: URL_WITH_SECRET } }).join(),
    /--vabus-url holds .* VABUS_URL_FILE/,
  );
  assert.deepEqual(warningsOf({ flags: bus }), []);
  assert.deepEqual(warningsOf({ flags: bus, environment: { VABUS_TOKEN: "s3cr3t" } }), []);
  assert.equal(loadBusConfig(sourcesOf({ flags: { VABUS_TOKEN: "s3cr3t" } })).warnings.length, 1);
});

Deno.test("a file with a secret that every user may read is told; one without is not", () => {
  const files = {
    "/run/token": "s3cr3t\n",
    "/run/url": `${URL_WITH_SECRET}\n`,
    "/run/open-url": "https://bus:8000\n",
    "/srv/.env": "VABUS_TOKEN=s3cr3t\n",
    "/tls/cert.pem": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
    "/tls/key.pem": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
  };
  const open = Object.keys(files);
  const url = { VABUS_URL: "https://bus:8000" };
  const told = (environment: Record<string, string>, without: readonly string[] = []) => {
    const known = Object.fromEntries(Object.entries(files).filter(([path]) => !without.includes(path)));
    return warningsOf({ environment, files: known, open });
  };
  const noEnv = ["/srv/.env"];
  assert.match(
    told({ ...url, VABUS_TOKEN_FILE: "/run/token" }, noEnv).join(),
    /^\/run\/token \(VABUS_TOKEN_FILE\).*chmod/,
  );
  assert.match(told({ VABUS_URL_FILE: "/run/url" }, noEnv).join(), /^\/run\/url \(VABUS_URL_FILE\)/);
  assert.match(told(url).join(), /^\.env \(the env file\)/);
  const tls = { ...url, VABUS_CERT_FILE: "/tls/cert.pem", VABUS_KEY_FILE: "/tls/key.pem" };
  assert.match(told(tls, noEnv).join(), /^\/tls\/key\.pem \(VABUS_KEY_FILE\)/);
  assert.deepEqual(told({ VABUS_URL_FILE: "/run/open-url" }, noEnv), []);
  assert.deepEqual(
    warningsOf({
      environment: { ...url, VABUS_TOKEN_FILE: "/run/token" },
      files: { "/run/token": "s3cr3t" },
    }),
    [],
  );
});

Deno.test("a URL from a file is that of the bus, and its password is shown nowhere", () => {
  const config = loadConfig(
    sourcesOf({ environment: { VABUS_URL_FILE: "/run/url" }, files: { "/run/url": `${URL_WITH_SECRET}\n` } }),
    () => [],
  );
  assert.deepEqual(busUrlsOf(config), [URL_WITH_SECRET]);
  assert.doesNotMatch(maskedConfig(config) + JSON.stringify(config.settings), /s3cr3t/);
  assert.equal(redact("s3cr3t", config.secrets), "***");
});
