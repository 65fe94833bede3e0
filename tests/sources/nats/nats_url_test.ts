/** URLs of a NATS source: what is taken, with which defaults, and what is refused. */
import assert from "node:assert/strict";
import { knownNatsUrl, type NatsUrl, readNatsUrl } from "../../../src/sources/nats/nats_url.ts";

/** What nats://host/PLANT says. */
const PLAIN: NatsUrl = {
  address: "nats://host:4222/PLANT",
  hasTls: false,
  servers: [{ host: "host", port: 4222 }],
  choice: { stream: "PLANT", subjects: [], domain: undefined },
  username: undefined,
  password: undefined,
  start: "oldest",
};
const LONGEST = "S".repeat(255);
const MOST = Array.from({ length: 100 }, (_, i) => `s${i}`);
const chosen = (choice: Partial<NatsUrl["choice"]>) => ({ choice: { ...PLAIN.choice, ...choice } });

/** URLs, with what they say that is not said by nats://host/PLANT. */
const TAKEN: readonly (readonly [url: string, differs: Partial<NatsUrl>])[] = [
  ["nats://host/PLANT", {}],
  ["NATS://host:4222/PLANT?", {}],
  ["NatsS://host/PLANT", { address: "natss://host:4222/PLANT", hasTls: true }],
  [
    "nats://a, [fd00::1]:1 ,b:65535/PLANT",
    {
      address: "nats://a:4222,[fd00::1]:1,b:65535/PLANT",
      servers: [{ host: "a", port: 4222 }, { host: "fd00::1", port: 1 }, { host: "b", port: 65_535 }],
    },
  ],
  ["nats://host/A%25", { address: "nats://host:4222/A%25", ...chosen({ stream: "A%" }) }],
  [`nats://host/${LONGEST}`, { address: `nats://host:4222/${LONGEST}`, ...chosen({ stream: LONGEST }) }],
  ["nats://me:se%3Acret@host/PLANT", { username: "me", password: "se:cret" }],
  ["nats://token@host/PLANT", { username: "token" }],
  [
    "nats://host/PLANT?start=newest&domain=edge&subject=a.*;b.>",
    {
      address: "nats://host:4222/PLANT?subject=a.*;b.>&domain=edge",
      ...chosen({ subjects: ["a.*", "b.>"], domain: "edge" }),
      start: "newest",
    },
  ],
  ["nats://host/PLANT?start=newest&start=oldest", {}],
  [
    `nats://host/PLANT?subject=${MOST.join(";")}`,
    { address: `nats://host:4222/PLANT?subject=${MOST.join(";")}`, ...chosen({ subjects: MOST }) },
  ],
  ["nats://host/PLANT?domain=d", { address: "nats://host:4222/PLANT?domain=d", ...chosen({ domain: "d" }) }],
];

Deno.test("a URL of NATS: servers, stream, subjects, login, parameters, and what is not said", () => {
  for (const [url, differs] of TAKEN) {
    const known = knownNatsUrl(url);
    assert.deepEqual(known, { ...PLAIN, ...differs }, url.slice(0, 100));
    // What names the source says the same of what is read.
    const { address, choice, servers } = knownNatsUrl(known.address);
    assert.deepEqual([address, choice, servers], [known.address, known.choice, known.servers]);
  }
});

const REFUSED: readonly (readonly [url: string, problem: RegExp])[] = [
  ["nats:PLANT", /^has a part that is not of the form nats:\/\/host:4222\/STREAM\?subject=plant.>$/],
  ["http://host/PLANT", /not of the form/],
  ["nats:///PLANT", /server of NATS that is not host:port/],
  ["nats://a b/PLANT", /not host:port/],
  ["nats://host:0/PLANT", /not host:port/],
  ["nats://host:65536/PLANT", /not host:port/],
  ["nats://host,/PLANT", /not host:port/],
  ["nats://host", /no name of a stream behind the servers/],
  ["nats://host/A%", /no name of a stream/],
  ["nats://host/A.B", /no name of a stream/],
  ["nats://host/A/B", /no name of a stream/],
  ["nats://host/%20", /no name of a stream/],
  [`nats://host/${LONGEST}S`, /no name of a stream/],
  ["nats://u%:secret@host/PLANT", /a user, password or token with a %/],
  ["nats://host/PLANT?subject=", /parameter of NATS that it does not have/],
  ["nats://host/PLANT?subject=a..b", /a subject that has an empty part/],
  ["nats://host/PLANT?subject=a;b.%20", /a subject that has an empty part or a space/],
  ["nats://host/PLANT?subject=a;>.b", /a > that is not its last part/],
  ["nats://host/PLANT?subject=a*", /a \* or > within a part/],
  ["nats://host/PLANT?subject=a.>b", /a \* or > within a part/],
  [`nats://host/PLANT?subject=${MOST.join(";")};s`, /^has more than 100 subjects$/],
  ["nats://host/PLANT?domain=", /parameter/],
  ["nats://host/PLANT?domain=a.b", /parameter/],
  ["nats://host/PLANT?other=a", /parameter/],
  ["nats://host/PLANT?other=oldest", /parameter/],
  ["nats://host/PLANT?start=first", /parameter/],
];

Deno.test("a URL of NATS that leads nowhere is refused, with what is right and nothing secret", () => {
  for (const [url, problem] of REFUSED) {
    const read = readNatsUrl(url);
    assert.ok("problem" in read, url.slice(0, 100));
    assert.match(read.problem, problem, url.slice(0, 100));
    assert.doesNotMatch(read.problem, /secret/);
    assert.throws(() => knownNatsUrl(url), new Error(read.problem));
  }
});
