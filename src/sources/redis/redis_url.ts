import type { ServerAddress } from "../../platform/net/server_socket.ts";
import type { RedisEndpoint } from "./redis_server.ts";
import { decoded } from "../../platform/net/percent_encoding.ts";
import { parametersIn, userIn } from "../../platform/net/url_parts.ts";

/** What the URL of a Redis source says. */
export interface RedisUrl {
  /** The URL without credentials, and without the parameters that do not say what is read. */
  readonly address: string;
  readonly hasTls: boolean;
  /** Servers or Sentinels. */
  readonly hosts: readonly ServerAddress[];
  readonly endpoint: RedisEndpoint;
  readonly keys: readonly string[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** The field that holds the record; undefined: the entry is one. */
  readonly field: string | undefined;
  readonly trims: boolean;
  readonly start: "oldest" | "newest";
}

type Parameters = Pick<RedisUrl, "database" | "field" | "start" | "trims"> & {
  readonly master: string | undefined;
};
type Problem = { readonly problem: string };

const [PORT, SENTINEL_PORT] = [6379, 26_379];
const URL = /^(rediss?):\/\/(?:([^@/]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/is;
const HOST = /^(?:\[([0-9a-f:.]+)\]|([\p{L}\p{N}._-]+))(?::(\d{1,5}))?$/iu;
const KEYS_MAX = 1000;
const KEY_MAX_CHARACTERS = 400;
const EXAMPLE = "redis://host:6379/key;key?db=0";

/** Reads a URL, or says what is wrong with it, without anything secret. */
export function readRedisUrl(text: string): RedisUrl | Problem {
  const match = URL.exec(text);
  if (match === null) return { problem: `has a part that is not of the form ${EXAMPLE}` };
  const [, scheme = "", userInfo, authority = "", path = "", query] = match;
  const parameters = readParameters(query);
  if ("problem" in parameters) return parameters;
  const { master, ...rest } = parameters;
  const hosts = readHosts(authority, master === undefined ? PORT : SENTINEL_PORT);
  if ("problem" in hosts) return hosts;
  if (hosts.length > 1 && master === undefined) {
    return {
      problem: "has several hosts of Redis, which only Sentinels may be: name the master, sentinel=name",
    };
  }
  const keys = readKeys(path);
  if ("problem" in keys) return keys;
  const user = readUser(userInfo);
  if ("problem" in user) return user;
  const endpoints = hosts.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
  const kept = [
    ...(rest.database === 0 ? [] : [`db=${rest.database}`]),
    ...(master === undefined ? [] : [`sentinel=${encodeURIComponent(master)}`]),
  ];
  return {
    address: `${scheme.toLowerCase()}://${endpoints.join(",")}/${path}${kept.length > 0 ? "?" : ""}${
      kept.join("&")
    }`,
    hasTls: scheme.toLowerCase() === "rediss",
    hosts,
    endpoint: master === undefined
      ? { kind: "server", address: hosts[0]! }
      : { kind: "sentinel", sentinels: hosts, master },
    keys,
    ...user,
    ...rest,
  };
}

function readHosts(authority: string, defaultPort: number): ServerAddress[] | Problem {
  const hosts: ServerAddress[] = [];
  for (const part of authority.split(",")) {
    const [, six, name, digits] = HOST.exec(part.trim()) ?? [];
    const port = digits === undefined ? defaultPort : Number(digits);
    const host = six ?? name;
    if (host === undefined || port < 1 || port > 65_535) {
      return { problem: `has a server of Redis that is not host:port, as in ${EXAMPLE}` };
    }
    hosts.push({ host, port });
  }
  return hosts;
}

function readKeys(path: string): string[] | Problem {
  const keys = path.split(";").map(decoded);
  const isRight = (key: string | undefined): key is string =>
    key !== undefined && key !== "" && key.length <= KEY_MAX_CHARACTERS && !/\p{Cc}/u.test(key);
  if (keys.every(isRight) && keys.length <= KEYS_MAX && new Set(keys).size === keys.length) return keys;
  return {
    problem: "has no key of a Redis stream behind the host, one that is empty, longer than " +
      `${KEY_MAX_CHARACTERS} characters or wrongly percent-encoded, one twice, or more than ${KEYS_MAX}; ` +
      `${EXAMPLE} is right`,
  };
}

function readUser(userInfo: string | undefined): Pick<RedisUrl, "username" | "password"> | Problem {
  return userIn(userInfo) ?? {
    problem: "has a user or password with a % that does not begin a percent-encoded character",
  };
}

function readParameters(query: string | undefined): Parameters | Problem {
  const found: { -readonly [K in keyof Parameters]: Parameters[K] } = {
    database: 0,
    field: undefined,
    start: "oldest",
    trims: false,
    master: undefined,
  };
  for (const [name, value] of parametersIn(query)) {
    if (name === "db" && /^\d{1,6}$/.test(value)) found.database = Number(value);
    else if (name === "field" && value !== "") found.field = value;
    else if (name === "sentinel" && value !== "") found.master = value;
    else if (name === "trim" && (value === "true" || value === "false")) found.trims = value === "true";
    else if (name === "start" && (value === "oldest" || value === "newest")) found.start = value;
    else {
      return {
        problem: "has a parameter of Redis that it does not have: there are db=number, field=name, " +
          "sentinel=name, trim=true, start=oldest and start=newest",
      };
    }
  }
  return found;
}

/** Of a URL that {@link readRedisUrl} has taken before. */
export function knownRedisUrl(url: string): RedisUrl {
  const read = readRedisUrl(url);
  if ("problem" in read) throw new Error(read.problem);
  return read;
}
