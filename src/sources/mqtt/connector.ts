import { sourceConnector } from "../../contract/connector.ts";
import { BUS_LOGIN } from "../../settings/bus_login.ts";
import { type EventTexts, IN_THE_CLEAR, type TlsConfig } from "../../settings/declaration.ts";
import { secretsOfUrl } from "../../settings/mask.ts";
import { knownMqttUrl, readMqttUrl } from "./mqtt_url.ts";

export interface MqttConfig {
  readonly events: EventTexts;
  readonly url: string;
  /** Undefined: no TLS. */
  readonly tls: TlsConfig | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

const NO_TLS_FILES: TlsConfig = { ca: undefined, cert: undefined, key: undefined };

export const MQTT = sourceConnector({
  kind: "mqtt",
  title: "MQTT as a bus",
  schemes: { plain: ["mqtt"], tls: ["mqtts"] },
  dialects: { plain: "MQTT", tls: "TLS" },
  urlForm: "mqtt://broker:1883/filter;… or mqtts:// with TLS",
  settings: BUS_LOGIN,
  readsSparkplug: true,
  readUrl(text) {
    const read = readMqttUrl(text);
    return "problem" in read ? read : text;
  },
  addressOf: (url) => knownMqttUrl(url).address,
  isOpenParameter: (name) => name === "qos" || name === "start" || name === "status",
  configure(scope, { events, url, tls }): MqttConfig {
    const read = knownMqttUrl(url);
    const password = read.password ?? scope.values.VABUS_PASSWORD;
    const why = "since VABUS_PASSWORD is set, and the URL of an MQTT bus names no user";
    const username = read.username ?? scope.values.VABUS_USERNAME ??
      (password === undefined ? undefined : scope.required("VABUS_USERNAME", why));
    return { events, url, tls: read.hasTls ? tls ?? NO_TLS_FILES : undefined, username, password };
  },
  secretsOf: ({ password, tls, url }) => [password, tls?.key, ...secretsOfUrl(url)],
  addressesOf({ url }) {
    const { host, port } = knownMqttUrl(url);
    return [{ setting: "VABUS_URL", address: `${host}:${port}` }];
  },
  credentialsOf: ({ password, tls, url }) =>
    password === undefined ? [] : [{
      credential: "the password of the MQTT user",
      host: knownMqttUrl(url).host,
      isProtected: tls !== undefined,
      flaw: IN_THE_CLEAR,
      remedy: "give VABUS_URL as mqtts://, with VABUS_CA_FILE where the authority is your own",
    }],
  async create(config, surroundings) {
    const { create } = await import("./create.ts");
    return create(config, surroundings);
  },
});
