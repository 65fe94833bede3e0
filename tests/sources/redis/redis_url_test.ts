/** URLs of a Redis source: what is taken, with which defaults, and what is refused. */
import assert from "node:assert/strict";
import { knownRedisUrl, readRedisUrl, type RedisUrl } from "../../../src/sources/redis/redis_url.ts";

const SERVER = { host: "host", port: 6379 };
/** What redis://host/key says. */
const PLAIN: RedisUrl = {
  address: "redis://host:6379/key",
  hasTls: false,
  hosts: [SERVER],
  endpoint: { kind: "server", address: SERVER },
  keys: ["key"],
  username: undefined,
  password: undefined,
  database: 0,
  field: undefined,
  trims: false,
  start: "oldest",
};
const sentinels = (...hosts: RedisUrl["hosts"]) => ({
  hosts,
  endpoint: { kind: "sentinel", sentinels: hosts, master: "the main" } as const,
});
const LONGEST = "k".repeat(400);
const MOST = Array.from({ length: 1000 }, (_, i) => `${i}`);

/** URLs, with what they say that is not said by redis://host/key. */
const TAKEN: readonly (readonly [url: string, differs: Partial<RedisUrl>])[] = [
  ["redis://host/key", {}],
  ["REDIS://host:6379/key?", {}],
  ["rediss://host/key", { address: "rediss://host:6379/key", hasTls: true }],
  ["RedisS://host/key", { address: "rediss://host:6379/key", hasTls: true }],
  [
    "redis://host/a;b%3Bc;%20",
    { address: "redis://host:6379/a;b%3Bc;%20", keys: ["a", "b;c", " "] },
  ],
  [`redis://host/${LONGEST}`, { address: `redis://host:6379/${LONGEST}`, keys: [LONGEST] }],
  [`redis://host/${MOST.join(";")}`, { address: `redis://host:6379/${MOST.join(";")}`, keys: MOST }],
  ["redis://me:se%3Acret@host/key", { username: "me", password: "se:cret" }],
  ["redis://:secret@host/key", { password: "secret" }],
  ["redis://host/key?db=0", {}],
  ["redis://host/key?db=999999", { address: "redis://host:6379/key?db=999999", database: 999_999 }],
  ["redis://host/key?field=a%26b", { field: "a&b" }],
  ["redis://host/key?trim=true", { trims: true }],
  ["redis://host/key?trim=false", {}],
  ["redis://host/key?start=newest&trim=true", { start: "newest", trims: true }],
  ["redis://host/key?start=newest&start=oldest", {}],
  [
    "redis://s1, [fd00::1]:1 ,s2:65535/key?sentinel=the%20main&db=2",
    {
      address: "redis://s1:26379,[fd00::1]:1,s2:65535/key?db=2&sentinel=the%20main",
      ...sentinels({ host: "s1", port: 26_379 }, { host: "fd00::1", port: 1 }, { host: "s2", port: 65_535 }),
      database: 2,
    },
  ],
  [
    "redis://s1/key?sentinel=the%20main",
    { address: "redis://s1:26379/key?sentinel=the%20main", ...sentinels({ host: "s1", port: 26_379 }) },
  ],
];

Deno.test("a URL of Redis: servers or Sentinels, keys, login, parameters, and what is not said", () => {
  for (const [url, differs] of TAKEN) {
    const known = knownRedisUrl(url);
    assert.deepEqual(known, { ...PLAIN, ...differs }, url.slice(0, 100));
    // What names the source says the same of what is read.
    const { address, keys, hosts, database } = knownRedisUrl(known.address);
    assert.deepEqual([address, keys, hosts, database], [
      known.address,
      known.keys,
      known.hosts,
      known.database,
    ]);
  }
});

const REFUSED: readonly (readonly [url: string, problem: RegExp])[] = [
  ["redis:key", /^has a part that is not of the form redis:\/\/host:6379\/key;key\?db=0$/],
  ["http://host/key", /not of the form/],
  ["redis:///key", /server of Redis that is not host:port/],
  ["redis://a b/key", /not host:port/],
  ["redis://host:0/key", /not host:port/],
  ["redis://host:65536/key", /not host:port/],
  ["redis://host:/key", /not host:port/],
  ["redis://host,/key?sentinel=m", /not host:port/],
  ["redis://a,b/key", /several hosts of Redis, which only Sentinels may be/],
  ["redis://host", /no key of a Redis stream behind the host/],
  ["redis://host/", /no key/],
  ["redis://host/a;", /one that is empty/],
  ["redis://host/a;b;a", /one twice/],
  ["redis://host/a%0A", /no key/],
  ["redis://host/a%", /wrongly percent-encoded/],
  [`redis://host/${LONGEST}k`, /longer than 400 characters/],
  [`redis://host/${MOST.join(";")};k`, /more than 1000/],
  ["redis://u%:secret@host/key", /a user or password with a %/],
  ["redis://u:secret%@host/key", /a user or password with a %/],
  ["redis://host/key?db=", /parameter of Redis that it does not have/],
  ["redis://host/key?db=1234567", /parameter/],
  ["redis://host/key?db=-1", /parameter/],
  ["redis://host/key?database=1", /parameter/],
  ["redis://host/key?field=", /parameter/],
  ["redis://host/key?sentinel=", /parameter/],
  ["redis://host/key?name=true", /parameter/],
  ["redis://host/key?trim=yes", /parameter/],
  ["redis://host/key?start=true", /parameter/],
  ["redis://host/key?trim=newest", /parameter/],
  ["redis://host/key?other=newest", /parameter/],
];

Deno.test("a URL of Redis that leads nowhere is refused, with what is right and nothing secret", () => {
  for (const [url, problem] of REFUSED) {
    const read = readRedisUrl(url);
    assert.ok("problem" in read, url.slice(0, 100));
    assert.match(read.problem, problem, url.slice(0, 100));
    assert.doesNotMatch(read.problem, /secret/);
    assert.throws(() => knownRedisUrl(url), new Error(read.problem));
  }
});
