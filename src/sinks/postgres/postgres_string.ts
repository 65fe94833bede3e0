import { MASK, maskUrl } from "../../settings/mask.ts";
import { isOpenParameter, isParameterName } from "./libpq_parameters.ts";
import { PostgresParameterReader, type PostgresParameters } from "./postgres_parameters.ts";

/** A parsed connection string. */
export interface PostgresString {
  readonly parameters: PostgresParameters;
  /** The text without anything that might be secret. */
  readonly masked: string;
  /** Every secret in it, as written and decoded, and the whole string. */
  readonly secrets: readonly string[];
}

/** One parameter, as written and decoded. */
interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly written: string;
}

const CREDENTIALS = "has an @, :, /, ? or # in user name or password that is not percent-encoded";
const ENCODING = "has a % that does not begin a percent-encoded character";

/**
 * Reads libpq's connection string, in either of its forms:
 * `postgres://user:password@host:port/database?name=value` and `host=… dbname=…`.
 *
 * @returns What is wrong, as the rest of a sentence whose subject is the setting. It never contains a value.
 */
export function readPostgresString(text: string): PostgresString | string {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const read = isUrl ? readUrl(text) : readKeywords(text);
  if (typeof read === "string") return read;
  const { parameters: given, masked } = read;
  const values = new Map<string, string>();
  for (const { name, value } of given) {
    // The part before the `?` gives defaults for the parameters behind it.
    if (values.has(name) && !(isUrl && PARTS.includes(name))) return `has the parameter ${name} twice`;
    values.set(name, value);
  }
  const reader = new PostgresParameterReader(values);
  const parameters = reader.read();
  if (reader.problems.length > 0) return reader.problems.join("; it ");
  const secrets = given.filter(({ name }) => name !== "user" && !isOpenParameter(name))
    .flatMap(({ written, value }) => [written, value]);
  // A user name without a password may be a token.
  const token = parameters.password === undefined ? given.find(({ name }) => name === "user") : undefined;
  return {
    parameters,
    masked,
    secrets: [text, ...secrets, ...(token ? [token.written, token.value] : [])].filter((secret) =>
      secret !== ""
    ),
  };
}

/** The parts of a URL before the `?`. */
const PARTS = ["user", "password", "host", "port", "dbname"];
const URL_FORM = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^@?#]*))?(?:\?([^@#]*))?$/s;

interface Read {
  readonly parameters: readonly Parameter[];
  readonly masked: string;
}

function readUrl(text: string): Read | string {
  if (!/^postgres(ql)?:\/\//.test(text)) return "does not begin with postgres://";
  if (/\s/.test(text)) return "is not a URL, since it has a space in it: write it as %20";
  const [, userInfo, authority, database, query] = URL_FORM.exec(text) ?? [];
  // A password with a raw `/`, `?` or `#` would be parsed as host and path, and be shown as such.
  if (authority === undefined) return CREDENTIALS;
  const [user, ...passwords] = userInfo?.split(":") ?? [];
  if (passwords.length > 1) return CREDENTIALS;
  const parts: [string, string | undefined][] = [["user", user], ["password", passwords[0]], [
    "dbname",
    database,
  ]];
  const hosts = readAuthority(authority);
  if (typeof hosts === "string") return hosts;
  const parameters: [string, string | undefined][] = (query ?? "").split("&").filter((part) => part !== "")
    .map((part) => {
      const equals = part.indexOf("=");
      return equals < 0 ? [part, undefined] : [part.slice(0, equals), part.slice(equals + 1)];
    });
  if (parameters.some(([, value]) => value === undefined)) return "has a parameter without a value";
  if (new Set(parameters.map(([name]) => name)).size < parameters.length) return "has a parameter twice";
  try {
    const all = [...parts, ...hosts, ...parameters].flatMap(([name, written]) =>
      written ? [{ name: decodeURIComponent(name), written, value: decodeURIComponent(written) }] : []
    );
    if (all.some(({ value }) => value.includes("\0"))) return "has a NUL character in it";
    return { parameters: all, masked: maskUrl(text, isOpenParameter) };
  } catch {
    return ENCODING;
  }
}

/** Hosts and ports, each as the list of a parameter. */
function readAuthority(authority: string): [string, string][] | string {
  if (authority === "") return [];
  const servers = authority.split(",").map((server) => /^(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/.exec(server));
  if (servers.some((server) => server === null)) {
    return "has a host that is no name, no IPv4 address and no IPv6 address in brackets";
  }
  const hosts = servers.map((server) => server![1]!.replace(/^\[|\]$/g, ""));
  const ports = servers.map((server) => server![2] ?? "");
  return [
    ["host", hosts.join(",")],
    ...(ports.every((port) => port === "") ? [] : [["port", ports.join(",")] as [string, string]]),
  ];
}

/**
 * `name = value`, with the value in single quotes where it contains spaces. A backslash quotes the next
 * character.
 */
const KEYWORD = /\s*([^\s=']+)\s*=\s*('((?:[^'\\]|\\.)*)'|(?:[^\s'\\]|\\.)*)(?=\s|$)/sy;

function readKeywords(text: string): Read | string {
  if (!text.includes("=")) return "is neither postgres://… nor name=value pairs";
  const parameters: Parameter[] = [];
  const masked: string[] = [];
  KEYWORD.lastIndex = 0;
  const trimmed = text.trimEnd();
  while (KEYWORD.lastIndex < trimmed.length) {
    const [, name, written, quoted] = KEYWORD.exec(trimmed) ?? [];
    if (name === undefined || written === undefined) {
      return "is not of the form name=value name='value with spaces'";
    }
    // The unknown name may be a part of a password with a space in it, so it is not shown.
    if (!isParameterName(name)) {
      return "has a word that is no parameter of libpq; put values with spaces in quotes";
    }
    const value = (quoted ?? written).replace(/\\(.)/gs, "$1");
    if (value.includes("\0")) return "has a NUL character in it";
    parameters.push({ name, value, written });
    masked.push(`${name}=${isOpenParameter(name) ? written : MASK}`);
  }
  return { parameters, masked: masked.join(" ") };
}
