import { sourceConnector } from "../../contract/connector.ts";
import { isLoopback } from "../../platform/http/access.ts";
import { parseHostPort } from "../../settings/value_type.ts";
import type { ListenConfig } from "./listen_config.ts";
import { LISTEN_SETTINGS } from "./listen_settings.ts";

export const LISTEN = sourceConnector({
  kind: "listen",
  title: "Listening",
  sharing: "own",
  schemes: { plain: ["listen"], tls: ["listens"] },
  urlForm: "listen://host:port, or listens:// for TLS",
  settings: LISTEN_SETTINGS,
  hasOwnFormats: true,
  readUrl(text) {
    const [, scheme = "", address = ""] = /^([a-z]+):\/\/([^/?#]*)\/?$/i.exec(text) ?? [];
    if (address.includes("@")) {
      return { problem: "has a listener with credentials in its URL: those of senders are in VABUS_TOKEN" };
    }
    if (address === "") {
      return { problem: "has a listener that is not listen://host:port, such as listen://0.0.0.0:8086" };
    }
    const found = parseHostPort(address);
    return typeof found === "string"
      ? { problem: `has a listener that ${found}` }
      : `${scheme.toLowerCase()}://${address.toLowerCase()}`;
  },
  addressOf: (url) => url.replace(/^listens:/, "listen:"),
  configure(scope, { events, url, token, tls }): ListenConfig {
    const { hostname, port } = addressIn(url);
    const isTls = url.startsWith("listens:");
    const { cert, key } = tls ?? {};
    if (isTls && (cert === undefined || key === undefined)) {
      scope.refuseBus("has a listens:// listener, which needs VABUS_CERT_FILE and VABUS_KEY_FILE");
    }
    if (token === undefined && !isLoopback(hostname)) {
      scope.refuseBus(
        `has a listener on ${hostname}, which other hosts reach, and there is no token: set VABUS_TOKEN ` +
          "(or VABUS_TOKEN_FILE), or listen on 127.0.0.1",
      );
    }
    return {
      hostname,
      port,
      tls: isTls && cert !== undefined && key !== undefined ? { cert, key } : undefined,
      token,
      maxBytes: scope.values.INBOX_MAX_BYTES,
      events,
    };
  },
  secretsOf: ({ token, tls }) => [token, tls?.key],
  addressesOf: ({ hostname, port }) =>
    port === 0 ? [] : [{ setting: "VABUS_URL", address: `${hostname}:${port}` }],
  credentialsOf: ({ hostname, token, tls }) =>
    token === undefined ? [] : [{
      credential: "VABUS_TOKEN",
      host: hostname,
      isProtected: tls !== undefined,
      flaw: "in the clear, from all who send",
      remedy: "listen on listens:// with VABUS_CERT_FILE and VABUS_KEY_FILE, or on 127.0.0.1 behind a proxy",
    }],
  async create(config, { name = `listen://${bracketed(config)}`, stateDir, endsWhenRead }) {
    const { ListenSource } = await import("./listen_source.ts");
    const part = new ListenSource(name, config, stateDir, !endsWhenRead);
    return { part, change: (next) => part.change(next) };
  },
});

function addressIn(url: string): { readonly hostname: string; readonly port: number } {
  const found = parseHostPort(url.replace(/^listens?:\/\//, ""));
  if (typeof found === "string") throw new Error(found);
  return found;
}

function bracketed({ hostname, port }: ListenConfig): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
