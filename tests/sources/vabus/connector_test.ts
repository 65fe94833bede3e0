import assert from "node:assert/strict";
import { VABUS } from "../../../src/sources/vabus/connector.ts";
import { LogSource } from "../../../src/sources/vabus/log_source.ts";
import { QueueSource } from "../../../src/sources/vabus/queue_source.ts";
import { headersFor } from "../../../src/sources/vabus/bus_address.ts";
import { loadConfig, sourcesOf } from "../../settings/sources.ts";
import { NO_EVENT_TEXTS } from "../event_texts.ts";
import { SURROUNDINGS } from "../surroundings.ts";

const ADDRESS = { url: "https://reader:secret@bus", proxy: undefined, token: undefined, tls: undefined };
const CONFIG = { mode: "log", address: ADDRESS, events: NO_EVENT_TEXTS } as const;

Deno.test("a log is read as a log and may be read again, a queue is emptied", async () => {
  for (
    const [mode, Source, mayRepeat] of [["log", LogSource, true], ["queue", QueueSource, false]] as const
  ) {
    const config = { ...CONFIG, mode };
    const { part } = await VABUS.create(config, SURROUNDINGS);
    assert.ok(part instanceof Source, mode);
    assert.equal(VABUS.mayRepeat?.(config), mayRepeat, mode);
    await part.close();
  }
});

Deno.test("check tells the proxy on the way to a bus", () => {
  const proxy = { url: "http://u:p@proxy:3128", masked: "http://***@proxy:3128", variable: "HTTPS_PROXY" };
  assert.equal(VABUS.wayOf?.(CONFIG), "");
  assert.equal(
    VABUS.wayOf?.({ ...CONFIG, address: { ...ADDRESS, proxy } }),
    " through the proxy http://***@proxy:3128 (HTTPS_PROXY)",
  );
});

Deno.test("the credential that goes to a bus is named, and whether its way is protected", () => {
  const credentialOf = (url: string, token?: string) =>
    VABUS.credentialsOf!({ ...CONFIG, address: { ...ADDRESS, url, token } })
      .map(({ credential, host, isProtected }) => [credential, host, isProtected]);
  assert.deepEqual(credentialOf("https://bus"), []);
  assert.deepEqual(credentialOf("https://bus", "t"), [["VABUS_TOKEN", "bus", true]]);
  assert.deepEqual(credentialOf("http://reader:secret@bus"), [["the password in VABUS_URL", "bus", false]]);
  assert.deepEqual(credentialOf("http://reader@bus", "t"), [["VABUS_TOKEN", "bus", false]]);
});

Deno.test("user and password of the settings are those of a bus whose URL lacks them, and there is no token", () => {
  const configured = (url: string, environment: Record<string, string>) => {
    const { sources, secrets, warnings } = loadConfig(
      sourcesOf({ environment: { VABUS_URL: url, ...environment } }),
    );
    const { address } = sources[0]!.options as typeof CONFIG;
    return { sent: headersFor(address).authorization, secrets, warnings };
  };
  const basic = (login: string) => `Basic ${btoa(login)}`;
  const login = { VABUS_USERNAME: "reader", VABUS_PASSWORD: "p@ss/w:rd" };
  const { sent, secrets, warnings } = configured("http://bus:8000/plant", login);
  assert.equal(sent, basic("reader:p@ss/w:rd"));
  assert.match(warnings.join(), /VABUS_PASSWORD goes to bus in the clear/);
  for (const secret of ["p@ss/w:rd", btoa("reader:p@ss/w:rd")]) assert.ok(secrets.includes(secret), secret);
  assert.equal(configured("https://own:word@bus", login).sent, basic("own:word"));
  assert.equal(configured("https://own$&@bus", login).sent, basic("own$&:p@ss/w:rd"));
  assert.equal(configured("https://:word@bus", login).sent, basic("reader:word"));
  assert.match(
    configured("http://:word@bus", login).warnings.join(),
    /the password in VABUS_URL goes to bus/,
  );
  assert.equal(configured("https://bus", { ...login, VABUS_TOKEN: "t" }).sent, "Bearer t");
  assert.equal(configured("https://bus", { VABUS_PASSWORD: "word" }).sent, basic(":word"));
  const replaced = new TextEncoder().encode(":\ufffd").toBase64();
  assert.equal(configured("https://bus", { VABUS_PASSWORD: "\ud800" }).sent, `Basic ${replaced}`);
  assert.equal(configured("https://:word@bus", {}).sent, basic(":word"));
  assert.equal(configured("https://bus", {}).sent, undefined);
});
