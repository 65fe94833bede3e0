import { sourceConnector } from "../../contract/connector.ts";
import { BUS_LOGIN } from "../../settings/bus_login.ts";
import { type EventTexts, IN_THE_CLEAR, type TlsConfig } from "../../settings/declaration.ts";
import { secretsOfUrl } from "../../settings/mask.ts";
import type { Scope } from "../../settings/scope.ts";
import { flinkTablesOf } from "./flink_tables.ts";
import { readingOf } from "./holding.ts";
import type { KafkaLogin } from "./kafka_login.ts";
import { type KafkaUrl, knownKafkaUrl, readKafkaUrl } from "./kafka_url.ts";

export interface KafkaConfig {
  readonly events: EventTexts;
  readonly url: string;
  /** Undefined: no TLS. */
  readonly tls: TlsConfig | undefined;
  /** Undefined: no login. */
  readonly login: KafkaLogin | undefined;
}

const NO_TLS_FILES: TlsConfig = { ca: undefined, cert: undefined, key: undefined };

export const KAFKA = sourceConnector({
  kind: "kafka",
  title: "Kafka as a bus",
  sharing: "by-partition",
  handsOver: true,
  schemes: { plain: ["kafka"], tls: ["kafkas"] },
  urlForm: "kafka://broker:9092,…/topic,… or kafkas:// with TLS",
  settings: BUS_LOGIN,
  readUrl(text) {
    const read = readKafkaUrl(text);
    return "problem" in read ? read : text;
  },
  addressOf: (url) => knownKafkaUrl(url).address,
  isOpenParameter: (name) => name === "sasl" || name === "start",
  configure(scope, { events, url, tls }): KafkaConfig {
    const read = knownKafkaUrl(url);
    return { events, url, tls: read.hasTls ? tls ?? NO_TLS_FILES : undefined, login: loginOf(scope, read) };
  },
  secretsOf: ({ login, tls, url }) => [login?.password, tls?.key, ...secretsOfUrl(url)],
  addressesOf: ({ url }) =>
    knownKafkaUrl(url).brokers.map(({ host, port }) => ({
      setting: "VABUS_URL",
      address: `${host}:${port}`,
    })),
  credentialsOf({ login, tls, url }) {
    // SCRAM authenticates both sides without sending the password.
    if (login?.mechanism !== "plain") return [];
    return knownKafkaUrl(url).brokers.map(({ host }) => ({
      credential: "the password of the Kafka user",
      host,
      isProtected: tls !== undefined,
      flaw: IN_THE_CLEAR,
      remedy: "give VABUS_URL as kafkas://, with VABUS_CA_FILE where the authority is your own",
    }));
  },
  flink: ({ login, tls, url }, terms) => flinkTablesOf(knownKafkaUrl(url), { login, tls }, terms),
  readingOf,
  async create(config, surroundings) {
    const { create } = await import("./create.ts");
    return create(config, surroundings);
  },
});

function loginOf(
  scope: Scope<typeof BUS_LOGIN>,
  { password, sasl, username }: KafkaUrl,
): KafkaLogin | undefined {
  const { values } = scope;
  const user = username ?? values.VABUS_USERNAME;
  const mechanism = sasl ?? (user === undefined ? undefined : "plain");
  if (mechanism === undefined) return undefined;
  const why = "since the URL of a Kafka bus asks for a login and has none itself";
  return {
    mechanism,
    username: user ?? scope.required("VABUS_USERNAME", why),
    password: password ?? scope.required("VABUS_PASSWORD", why),
  };
}
