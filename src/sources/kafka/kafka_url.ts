import type { ServerAddress } from "../../platform/net/server_socket.ts";
import type { KafkaLogin } from "./kafka_login.ts";
import { parametersIn, userIn } from "../../platform/net/url_parts.ts";

/** What the URL of a Kafka source says. */
export interface KafkaUrl {
  /** The URL without credentials and parameters. */
  readonly address: string;
  readonly hasTls: boolean;
  readonly brokers: readonly ServerAddress[];
  readonly topics: readonly string[];
  /** The mechanism of the login; undefined: none is named. */
  readonly sasl: KafkaLogin["mechanism"] | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly start: "oldest" | "newest";
}

const DEFAULT_PORT = 9092;
const URL = /^(kafkas?):\/\/(?:([^@/]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/is;
const BROKER = /^(?:\[([0-9a-f:.]+)\]|([\p{L}\p{N}._-]+))(?::(\d{1,5}))?$/iu;
const TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
const MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512"] as const;
const EXAMPLE = "kafka://broker1:9092,broker2:9092/topic";

/** Reads a URL, or says what is wrong with it, without anything secret. */
export function readKafkaUrl(text: string): KafkaUrl | { readonly problem: string } {
  const match = URL.exec(text);
  if (match === null) return { problem: `has a part that is not of the form ${EXAMPLE}` };
  const [, scheme = "", userInfo, hosts = "", path = "", query] = match;
  const brokers: ServerAddress[] = [];
  for (const part of hosts.split(",").map((host) => host.trim())) {
    const [, six, name, digits] = BROKER.exec(part) ?? [];
    const port = digits === undefined ? DEFAULT_PORT : Number(digits);
    if ((six ?? name) === undefined || port < 1 || port > 65_535) {
      return { problem: `has a broker that is not host:port, as in ${EXAMPLE}` };
    }
    brokers.push({ host: (six ?? name)!, port });
  }
  const topics = path.split(",").map((topic) => topic.trim());
  if (topics.some((topic) => !TOPIC.test(topic)) || new Set(topics).size < topics.length) {
    return {
      problem:
        `has no topic behind the brokers, one that is not 1 to 249 of letters, digits, dot, underscore and ` +
        `hyphen, or one twice; ${EXAMPLE} is right`,
    };
  }
  const user = readUser(userInfo);
  if ("problem" in user) return user;
  const parameters = readParameters(query);
  if ("problem" in parameters) return parameters;
  const endpoints = brokers.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
  return {
    address: `${scheme.toLowerCase()}://${endpoints.join(",")}/${topics.join(",")}`,
    hasTls: scheme.toLowerCase() === "kafkas",
    brokers,
    topics,
    ...user,
    ...parameters,
  };
}

function readUser(
  userInfo: string | undefined,
): Pick<KafkaUrl, "username" | "password"> | { readonly problem: string } {
  return userIn(userInfo) ?? {
    problem: "has a user or password with a % that does not begin a percent-encoded character",
  };
}

function readParameters(
  query: string | undefined,
): Pick<KafkaUrl, "sasl" | "start"> | { readonly problem: string } {
  let sasl: KafkaUrl["sasl"];
  let start: KafkaUrl["start"] = "oldest";
  for (const [name, value] of parametersIn(query)) {
    if (name === "sasl" && isMechanism(value.toLowerCase())) sasl = value.toLowerCase() as KafkaUrl["sasl"];
    else if (name === "start" && (value === "oldest" || value === "newest")) start = value;
    else {
      return {
        problem:
          "has a parameter of Kafka that it does not have: there are sasl=plain, sasl=scram-sha-256, " +
          "sasl=scram-sha-512, start=oldest and start=newest",
      };
    }
  }
  return { sasl, start };
}

function isMechanism(text: string): text is KafkaLogin["mechanism"] {
  return (MECHANISMS as readonly string[]).includes(text);
}

/** Of a URL that {@link readKafkaUrl} has taken before. */
export function knownKafkaUrl(url: string): KafkaUrl {
  const read = readKafkaUrl(url);
  if ("problem" in read) throw new Error(read.problem);
  return read;
}
