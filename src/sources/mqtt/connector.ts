import { createHash } from "node:crypto";
import { join } from "node:path";
import { readerFor } from "../../codec/mapping/record_reader.ts";
import { sourceConnector, type SourceSurroundings } from "../../contract/connector.ts";
import { systemClock } from "../../platform/clock/clock.ts";
import { BUS_LOGIN } from "../../settings/bus_login.ts";
import { type EventTexts, IN_THE_CLEAR, type TlsConfig } from "../../settings/declaration.ts";
import { secretsOfUrl } from "../../settings/mask.ts";
import { type MqttOptions, statusTopicOf } from "./mqtt_options.ts";
import { MqttSource } from "./mqtt_source.ts";
import { type MqttUrl, readMqttUrl } from "./mqtt_url.ts";

interface MqttConfig {
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
  urlForm: "mqtt://broker:1883/filter;… or mqtts:// with TLS",
  settings: BUS_LOGIN,
  readsSparkplug: true,
  readUrl(text) {
    const read = readMqttUrl(text);
    return "problem" in read ? read : text;
  },
  addressOf: (url) => checked(url).address,
  isOpenParameter: (name) => name === "qos" || name === "start" || name === "status",
  configure(scope, { events, url, tls }): MqttConfig {
    const read = checked(url);
    const password = read.password ?? scope.values.VABUS_PASSWORD;
    const why = "since VABUS_PASSWORD is set, and the URL of an MQTT bus names no user";
    const username = read.username ?? scope.values.VABUS_USERNAME ??
      (password === undefined ? undefined : scope.required("VABUS_USERNAME", why));
    return { events, url, tls: read.hasTls ? tls ?? NO_TLS_FILES : undefined, username, password };
  },
  secretsOf: ({ password, tls, url }) => [password, tls?.key, ...secretsOfUrl(url)],
  addressesOf({ url }) {
    const { host, port } = checked(url);
    return [{ setting: "VABUS_URL", address: `${host}:${port}` }];
  },
  credentialsOf: ({ password, tls, url }) =>
    password === undefined ? [] : [{
      credential: "the password of the MQTT user",
      host: checked(url).host,
      isProtected: tls !== undefined,
      flaw: IN_THE_CLEAR,
      remedy: "give VABUS_URL as mqtts://, with VABUS_CA_FILE where the authority is your own",
    }],
  create(config, surroundings) {
    const source = new MqttSource(optionsOf(config, surroundings));
    return { part: source, change: (next) => source.change(optionsOf(next, surroundings)) };
  },
});

function optionsOf(
  { events, password, tls, url, username }: MqttConfig,
  { endsWhenRead, instance, name, stateDir }: SourceSurroundings,
): MqttOptions {
  const reader = readerFor(events);
  const { address, filters, host, port, qos, start, status } = checked(url);
  return {
    name: name ?? address,
    access: { host, port, tls },
    username,
    password,
    filters,
    qos,
    startsAtEnd: start === "newest",
    statusTopic: statusTopicOf(status, instance),
    instance,
    endsWhenRead,
    reader,
    sparkplug: reader?.mapping.format === "sparkplug"
      ? { mapping: reader.mapping, path: join(stateDir, birthsFileName(name ?? address)) }
      : undefined,
    clock: systemClock,
  };
}

/** Each source has a file of its own. */
function birthsFileName(name: string): string {
  return `births-${createHash("sha256").update(name).digest("hex").slice(0, 16)}.sqlite`;
}

/** Of a URL that {@link readMqttUrl} has taken before. */
function checked(url: string): MqttUrl {
  const read = readMqttUrl(url);
  if ("problem" in read) throw new Error(read.problem);
  return read;
}
