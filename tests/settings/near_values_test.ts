import assert from "node:assert/strict";

import { ConfigError } from "../../src/settings/fault.ts";
import { loadConfig, sourcesOf } from "./sources.ts";

/** What is said of a setting. */
function saidOf(name: string, value: string): string {
  try {
    loadConfig(sourcesOf({ environment: { [name]: value } }), () => []);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults.find(({ subject }) => subject === name)?.problem ?? "";
  }
  return "";
}

/** Values as people write them, and the slip that has to be named: that the form is wrong is no help. */
const SLIPS: Record<string, readonly (readonly [value: string, said: RegExp])[]> = {
  VABUS_URL: [
    ["http://bus:99999", /its port is above 65535$/],
    ["http://::1:8000", /write an IPv6 address in brackets/],
    ["http://fe80::1", /write an IPv6 address in brackets/],
    ["http://a:1;http://b:2", /separate several of them by commas$/],
    ["http://a:1 http://b:2", /separate several of them by commas$/],
    ["http://a b", /is not a URL$/],
    ["bus:8000", /does not begin with http:\/\//],
  ],
  KAFKA_BOOTSTRAP_SERVERS: [
    ["broker:90920", /has a part that has a port above 65535$/],
    ["::1:9092", /an IPv6 address without brackets/],
    ["broker:0", /with a port from 1 to 65535$/],
    ["broker", /is not host:port$/],
  ],
  HTTP_LISTEN: [
    ["0.0.0.0:80900", /^has a port above 65535$/],
    ["::1:8090", /^has an IPv6 address without brackets, as in \[::1\]:8000$/],
    [":8090", /^is not host:port$/],
  ],
  STORAGE_TYPE: [
    ["sqlite,Postgresql", /^has "postgresql", which is not known; did you mean postgres\?$/],
    ["kafak", /^has "kafak", which is not known; did you mean kafka\?$/],
    ["oracle", /^has "oracle", which is not known$/],
    ["sqlite,", /^has "", which is not known$/],
  ],
  LOG_LEVEL: [
    ["WARNING", /^is not known; did you mean warn\?$/],
    ["loud", /^is not known$/],
  ],
};

for (const [name, slips] of Object.entries(SLIPS)) {
  Deno.test(`what is nearly a ${name} is told by its slip`, () => {
    for (const [value, said] of slips) assert.match(saidOf(name, value), said, value);
  });
}
