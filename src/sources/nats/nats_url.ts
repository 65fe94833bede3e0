import type { ServerAddress } from "../../platform/net/server_socket.ts";
import type { StreamChoice } from "./jetstream.ts";
import { patternProblem } from "./subject_pattern.ts";
import { decoded } from "../../platform/net/percent_encoding.ts";
import { parametersIn, userIn } from "../../platform/net/url_parts.ts";

/** What the URL of a NATS source says. */
export interface NatsUrl {
  /** The URL without credentials, and without the parameters that do not say what is read. */
  readonly address: string;
  readonly hasTls: boolean;
  readonly servers: readonly ServerAddress[];
  readonly choice: StreamChoice;
  /** A user without a password is a token. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly start: "oldest" | "newest";
}

type Parameters = Pick<StreamChoice, "domain" | "subjects"> & Pick<NatsUrl, "start">;
type Problem = { readonly problem: string };

const DEFAULT_PORT = 4222;
const URL = /^(natss?):\/\/(?:([^@/]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/is;
const SERVER = /^(?:\[([0-9a-f:.]+)\]|([\p{L}\p{N}._-]+))(?::(\d{1,5}))?$/iu;
/** As servers take it: no space, no dot, nothing that means something in a subject. */
const STREAM = /^[^\s.*>/\\\p{Cc}]{1,255}$/u;
const DOMAIN = /^[^\s.*>\p{Cc}]{1,255}$/u;
const SUBJECTS_MAX = 100;
const EXAMPLE = "nats://host:4222/STREAM?subject=plant.>";

/** Reads a URL, or says what is wrong with it, without anything secret. */
export function readNatsUrl(text: string): NatsUrl | Problem {
  const match = URL.exec(text);
  if (match === null) return { problem: `has a part that is not of the form ${EXAMPLE}` };
  const [, scheme = "", userInfo, hosts = "", path = "", query] = match;
  const servers = readServers(hosts);
  if ("problem" in servers) return servers;
  const stream = decoded(path) ?? "";
  if (!STREAM.test(stream)) {
    return {
      problem: `has no name of a stream behind the servers, or one that cannot be; ${EXAMPLE} is right`,
    };
  }
  const user = readUser(userInfo);
  if ("problem" in user) return user;
  const parameters = readParameters(query);
  if ("problem" in parameters) return parameters;
  const { domain, start, subjects } = parameters;
  const endpoints = servers.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
  const kept = [
    ...(subjects.length === 0 ? [] : [`subject=${subjects.join(";")}`]),
    ...(domain === undefined ? [] : [`domain=${domain}`]),
  ];
  return {
    address: `${scheme.toLowerCase()}://${endpoints.join(",")}/${path}${kept.length > 0 ? "?" : ""}${
      kept.join("&")
    }`,
    hasTls: scheme.toLowerCase() === "natss",
    servers,
    choice: { stream, subjects, domain },
    ...user,
    start,
  };
}

function readServers(hosts: string): ServerAddress[] | Problem {
  const servers: ServerAddress[] = [];
  for (const part of hosts.split(",")) {
    const [, six, name, digits] = SERVER.exec(part.trim()) ?? [];
    const host = six ?? name;
    const port = digits === undefined ? DEFAULT_PORT : Number(digits);
    if (host === undefined || port < 1 || port > 65_535) {
      return { problem: `has a server of NATS that is not host:port, as in ${EXAMPLE}` };
    }
    servers.push({ host, port });
  }
  return servers;
}

function readUser(userInfo: string | undefined): Pick<NatsUrl, "username" | "password"> | Problem {
  return userIn(userInfo) ?? {
    problem: "has a user, password or token with a % that does not begin a percent-encoded character",
  };
}

function readParameters(query: string | undefined): Parameters | Problem {
  const found: { -readonly [K in keyof Parameters]: Parameters[K] } = {
    domain: undefined,
    subjects: [],
    start: "oldest",
  };
  for (const [name, value] of parametersIn(query)) {
    if (name === "subject" && value !== "") {
      const subjects = value.split(";");
      const problem = subjects.map(patternProblem).find((one) => one !== undefined);
      if (problem !== undefined) return { problem: `has a subject that ${problem}` };
      if (subjects.length > SUBJECTS_MAX) return { problem: `has more than ${SUBJECTS_MAX} subjects` };
      found.subjects = subjects;
    } else if (name === "domain" && DOMAIN.test(value)) found.domain = value;
    else if (name === "start" && (value === "oldest" || value === "newest")) found.start = value;
    else {
      return {
        problem: "has a parameter of NATS that it does not have: there are subject=pattern;…, domain=name, " +
          "start=oldest and start=newest",
      };
    }
  }
  return found;
}

/** Of a URL that {@link readNatsUrl} has taken before. */
export function knownNatsUrl(url: string): NatsUrl {
  const read = readNatsUrl(url);
  if ("problem" in read) throw new Error(read.problem);
  return read;
}
