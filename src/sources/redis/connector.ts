import { sourceConnector } from "../../contract/connector.ts";
import { BUS_LOGIN } from "../../settings/bus_login.ts";
import { type EventTexts, IN_THE_CLEAR, type TlsConfig } from "../../settings/declaration.ts";
import { secretsOfUrl } from "../../settings/mask.ts";
import type { RedisLogin } from "./redis_connection.ts";
import { knownRedisUrl, readRedisUrl } from "./redis_url.ts";

export interface RedisConfig {
  readonly events: EventTexts;
  readonly url: string;
  /** Undefined: no TLS. */
  readonly tls: TlsConfig | undefined;
  /** Undefined: no login. */
  readonly login: RedisLogin | undefined;
}

const NO_TLS_FILES: TlsConfig = { ca: undefined, cert: undefined, key: undefined };
const OPEN_PARAMETERS = ["db", "field", "sentinel", "trim", "start"];

export const REDIS = sourceConnector({
  kind: "redis",
  title: "Redis",
  sharing: "by-partition",
  schemes: { plain: ["redis"], tls: ["rediss"] },
  dialects: { plain: "Redis", tls: "TLS" },
  urlForm: "redis://host:6379/key;…?db=0 or rediss:// with TLS",
  settings: BUS_LOGIN,
  readUrl(text) {
    const read = readRedisUrl(text);
    return "problem" in read ? read : text;
  },
  addressOf: (url) => knownRedisUrl(url).address,
  isOpenParameter: (name) => OPEN_PARAMETERS.includes(name),
  // An entry is an object of texts. Records as they are would have to have numbers.
  eventsOf: (url, texts) =>
    knownRedisUrl(url).field === undefined ? { ...texts, format: texts.format ?? "json" } : texts,
  configure({ values }, { events, url, tls }): RedisConfig {
    const { hasTls, password = values.VABUS_PASSWORD, username = values.VABUS_USERNAME } = knownRedisUrl(url);
    const login = password === undefined ? undefined : { username, password };
    return { events, url, tls: hasTls ? tls ?? NO_TLS_FILES : undefined, login };
  },
  secretsOf: ({ login, tls, url }) => [login?.password, tls?.key, ...secretsOfUrl(url)],
  addressesOf: ({ url }) =>
    knownRedisUrl(url).hosts.map(({ host, port }) => ({ setting: "VABUS_URL", address: `${host}:${port}` })),
  credentialsOf({ login, tls, url }) {
    if (login === undefined) return [];
    return knownRedisUrl(url).hosts.map(({ host }) => ({
      credential: "the password of the Redis user",
      host,
      isProtected: tls !== undefined,
      flaw: IN_THE_CLEAR,
      remedy: "give VABUS_URL as rediss://, with VABUS_CA_FILE where the authority is your own",
    }));
  },
  async create(config, surroundings) {
    const { create } = await import("./create.ts");
    return create(config, surroundings);
  },
});
