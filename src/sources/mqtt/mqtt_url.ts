import { filterProblem } from "./topic_filter.ts";
import { decoded } from "../../platform/net/percent_encoding.ts";
import { parametersIn, userIn } from "../../platform/net/url_parts.ts";

/** The quality of service that is asked for: 1 = at least once, 2 = exactly once. */
export type WantedQos = 1 | 2;

/** What the URL of an MQTT source says. */
export interface MqttUrl {
  /** The URL without credentials and parameters. */
  readonly address: string;
  readonly hasTls: boolean;
  readonly host: string;
  readonly port: number;
  /** Topic filters, none twice. */
  readonly filters: readonly string[];
  readonly qos: WantedQos;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly start: "oldest" | "newest";
  /** `none`: nothing is published about the handler; undefined: on the usual topic. */
  readonly status: string | undefined;
}

type Problem = { readonly problem: string };

const URL = /^(mqtts?):\/\/(?:([^@/]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/is;
const BROKER = /^(?:\[([0-9a-f:.]+)\]|([\p{L}\p{N}._-]+))(?::(\d{1,5}))?$/iu;
const EXAMPLE = "mqtt://broker:1883/plant/+/temperature;plant/energy/#";

/** Reads a URL, or says what is wrong with it, without anything secret. */
export function readMqttUrl(text: string): MqttUrl | Problem {
  const match = URL.exec(text);
  if (match === null) return { problem: `has a part that is not of the form ${EXAMPLE}` };
  const [, scheme = "", userInfo, authority = "", path = "", query] = match;
  const hasTls = scheme.toLowerCase() === "mqtts";
  const [, six, name, digits] = BROKER.exec(authority) ?? [];
  const host = six ?? name;
  const port = digits === undefined ? hasTls ? 8883 : 1883 : Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    return { problem: `has a broker that is not host:port, as in ${EXAMPLE}` };
  }
  const filters = readFilters(path);
  if ("problem" in filters) return filters;
  const user = readUser(userInfo);
  if ("problem" in user) return user;
  const parameters = readParameters(query);
  if ("problem" in parameters) return parameters;
  return {
    address: `${scheme.toLowerCase()}://${six === undefined ? host : `[${six}]`}:${port}/${path}`,
    hasTls,
    host,
    port,
    ...filters,
    ...user,
    ...parameters,
  };
}

function readFilters(path: string): Pick<MqttUrl, "filters"> | Problem {
  const filters: string[] = [];
  for (const part of path.split(";")) {
    const filter = decoded(part);
    if (filter === undefined) {
      return { problem: "has a topic filter with a % that does not begin a percent-encoded character" };
    }
    const problem = filterProblem(filter);
    if (problem !== undefined) return { problem: `has a topic filter that ${problem}; ${EXAMPLE} is right` };
    if (filters.includes(filter)) return { problem: "has a topic filter twice" };
    filters.push(filter);
  }
  return { filters };
}

function readUser(userInfo: string | undefined): Pick<MqttUrl, "username" | "password"> | Problem {
  return userIn(userInfo) ?? {
    problem: "has a user or password with a % that does not begin a percent-encoded character",
  };
}

function readParameters(query: string | undefined): Pick<MqttUrl, "qos" | "start" | "status"> | Problem {
  let qos: WantedQos = 1;
  let start: MqttUrl["start"] = "oldest";
  let status: string | undefined;
  for (const [name, value] of parametersIn(query)) {
    if (name === "qos" && (value === "1" || value === "2")) qos = value === "1" ? 1 : 2;
    else if (name === "start" && (value === "oldest" || value === "newest")) start = value;
    else if (name === "status" && isTopic(value)) status = value;
    else {
      return {
        problem: "has a parameter of MQTT that it does not have: there are qos=1, qos=2, start=oldest, " +
          "start=newest, status=none and status=TOPIC",
      };
    }
  }
  return { qos, start, status };
}

function isTopic(text: string): boolean {
  return !/[+#]/.test(text) && filterProblem(text) === undefined;
}

/** Of a URL that {@link readMqttUrl} has taken before. */
export function knownMqttUrl(url: string): MqttUrl {
  const read = readMqttUrl(url);
  if ("problem" in read) throw new Error(read.problem);
  return read;
}
