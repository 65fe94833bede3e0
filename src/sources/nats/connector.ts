import { sourceConnector } from "../../contract/connector.ts";
import {
  type BusSettings,
  type EventTexts,
  IN_THE_CLEAR,
  type TlsConfig,
} from "../../settings/declaration.ts";
import { secretsOfUrl } from "../../settings/mask.ts";
import type { Scope } from "../../settings/scope.ts";
import { loginOfCredentials, type NatsLogin } from "./nats_login.ts";
import { NATS_SETTINGS } from "./nats_settings.ts";
import { knownNatsUrl, type NatsUrl, readNatsUrl } from "./nats_url.ts";

export interface NatsConfig {
  readonly events: EventTexts;
  readonly url: string;
  /** Undefined: no TLS. */
  readonly tls: TlsConfig | undefined;
  /** Undefined: no login. */
  readonly login: NatsLogin | undefined;
  /** The text of a key. */
  readonly credentials: string | undefined;
}

const NO_TLS_FILES: TlsConfig = { ca: undefined, cert: undefined, key: undefined };

export const NATS = sourceConnector({
  kind: "nats",
  title: "NATS",
  schemes: { plain: ["nats"], tls: ["natss"] },
  // TLS begins after the first line of the server.
  dialects: { plain: "NATS", tls: "NATS" },
  urlForm: "nats://host:4222,…/STREAM?subject=… or natss:// with TLS",
  settings: NATS_SETTINGS,
  readUrl(text) {
    const read = readNatsUrl(text);
    return "problem" in read ? read : text;
  },
  addressOf: (url) => knownNatsUrl(url).address,
  isOpenParameter: (name) => name === "subject" || name === "domain" || name === "start",
  configure(scope, bus): NatsConfig {
    const { events, url, tls } = bus;
    const read = knownNatsUrl(url);
    return {
      events,
      url,
      tls: read.hasTls ? tls ?? NO_TLS_FILES : undefined,
      login: loginOf(scope, read, bus),
      credentials: scope.values.VABUS_CREDENTIALS,
    };
  },
  secretsOf: ({ credentials, login, tls, url }) => [
    credentials,
    login?.kind === "token" ? login.token : undefined,
    login?.kind === "user" ? login.password : undefined,
    tls?.key,
    ...secretsOfUrl(url),
  ],
  addressesOf: ({ url }) =>
    knownNatsUrl(url).servers.map(({ host, port }) => ({ setting: "VABUS_URL", address: `${host}:${port}` })),
  credentialsOf({ login, tls, url }) {
    // A key signs what the server has drawn, and is not sent.
    if (login === undefined || login.kind === "key") return [];
    return knownNatsUrl(url).servers.map(({ host }) => ({
      credential: login.kind === "token" ? "the token for NATS" : "the password of the NATS user",
      host,
      isProtected: tls !== undefined,
      flaw: IN_THE_CLEAR,
      remedy: "give VABUS_URL as natss://, with VABUS_CA_FILE where the authority is your own",
    }));
  },
  async create(config, surroundings) {
    const { create } = await import("./create.ts");
    return create(config, surroundings);
  },
});

/** The login of the URL, else of the settings. */
function loginOf(
  scope: Scope<typeof NATS_SETTINGS>,
  { password, username }: NatsUrl,
  { token }: Pick<BusSettings, "token">,
): NatsLogin | undefined {
  const { VABUS_CREDENTIALS, VABUS_PASSWORD, VABUS_USERNAME } = scope.values;
  if (username !== undefined) {
    const secret = password ?? VABUS_PASSWORD;
    return secret === undefined
      ? { kind: "token", token: username }
      : { kind: "user", username, password: secret };
  }
  if (VABUS_CREDENTIALS !== undefined) {
    const login = loginOfCredentials(VABUS_CREDENTIALS);
    if (login === undefined) {
      scope.fault("VABUS_CREDENTIALS", "is neither a credentials file of NATS nor a seed (SU…)");
    }
    return login;
  }
  if (VABUS_USERNAME !== undefined) {
    const why = "since VABUS_USERNAME is set and the URL of a NATS bus has no login itself";
    return { kind: "user", username: VABUS_USERNAME, password: scope.required("VABUS_PASSWORD", why) };
  }
  return token === undefined ? undefined : { kind: "token", token };
}
