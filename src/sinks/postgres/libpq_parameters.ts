import { nearMiss } from "../../settings/near_miss.ts";

/** Parameters of libpq that are not supported, and what to do instead. */
const NOT_HONOURED: Readonly<Record<string, string>> = {
  passfile: "put the password into POSTGRES_CONNECTION_STRING_FILE",
  service: "write the parameters out",
  servicefile: "write the parameters out",
  sslpassword: "take the password off the key",
  sslcrl: "revoked certificates are not looked up",
  sslcrldir: "revoked certificates are not looked up",
  keepalives_interval: "set it for the host (net.ipv4.tcp_keepalive_intvl)",
  keepalives_count: "set it for the host (net.ipv4.tcp_keepalive_probes)",
  tcp_user_timeout: "statements have a limit of a minute here",
  requiressl: "write sslmode=require",
  replication: "the handler writes rows",
  requirepeer: "",
  krbsrvname: "",
  gsslib: "",
  gssdelegation: "",
  scram_client_key: "",
  scram_server_key: "",
  sslkeylogfile: "",
};

/** Parameters that are accepted with the values for which the behaviour equals that of libpq. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  channel_binding: ["disable", "prefer"],
  gssencmode: ["disable", "prefer"],
  client_encoding: ["UTF8", "utf8", "UTF-8", "auto"],
  load_balance_hosts: ["disable"],
  sslcompression: ["0"],
  sslsni: ["1"],
  sslcertmode: ["allow"],
  ssl_min_protocol_version: ["TLSv1.2"],
  ssl_max_protocol_version: ["TLSv1.3"],
};

const HONOURED = [
  ...[
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "fallback_application_name",
  ],
  ...[
    "options",
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "target_session_attrs",
    "sslmode",
    "ssl",
  ],
  ...["sslnegotiation", "sslrootcert", "sslcert", "sslkey", "require_auth"],
];
const KNOWN = [...HONOURED, ...Object.keys(FIXED), ...Object.keys(NOT_HONOURED)];

/** Values that are never shown, since they may contain anything. */
const CLOSED = ["user", "password", "options"];
const OPEN = new Set([...HONOURED, ...Object.keys(FIXED)].filter((name) => !CLOSED.includes(name)));

/** Whether the value of that parameter may be shown. */
export function isOpenParameter(name: string): boolean {
  return OPEN.has(name);
}

export function isParameterName(name: string): boolean {
  return KNOWN.includes(name);
}

/**
 * Why a parameter is not supported, as the rest of a sentence, without its value. Undefined: its name is
 * supported.
 */
export function problemOfParameter(name: string, value: string): string | undefined {
  const instead = NOT_HONOURED[name];
  if (instead !== undefined) {
    return `has the parameter ${name}, which is not honoured here${instead && `: ${instead}`}`;
  }
  const values = FIXED[name];
  if (values !== undefined) {
    return values.includes(value) ? undefined : `has ${name} with another value than ${values.join(" or ")}`;
  }
  if (HONOURED.includes(name)) return undefined;
  const meant = nearMiss(name, KNOWN);
  const shown = /^[a-z_.]{1,63}$/i.test(name) ? ` ${name}` : "";
  const advice = meant
    ? `; did you mean ${meant}?`
    : "; a setting of the server goes into options=-c%20name%3Dvalue";
  return `has a parameter${shown} that is not known${advice}`;
}
