import { sourceConnector } from "../../contract/connector.ts";
import { BUS_LOGIN } from "../../settings/bus_login.ts";
import { type EventTexts, IN_THE_CLEAR } from "../../settings/declaration.ts";
import { secretsOfUrl } from "../../settings/mask.ts";
import { addressOfHttp, httpUrlProblem } from "../../settings/http_url.ts";
import { authorizationOf, type BusAddress, withLogin } from "./bus_address.ts";
import { VABUS_SETTINGS } from "./vabus_settings.ts";

export interface VabusConfig {
  readonly mode: "log" | "queue";
  readonly address: BusAddress;
  readonly events: EventTexts;
}

export const VABUS = sourceConnector({
  kind: "vabus",
  title: "VaBus",
  schemes: { plain: ["http"], tls: ["https"] },
  urlForm: "an http:// or https:// URL",
  settings: { ...VABUS_SETTINGS, ...BUS_LOGIN },
  readUrl(text) {
    // A part without a scheme belongs to the URL before it, and no host contains a comma.
    const problem = text.includes(",")
      ? "has a part that does not begin with http:// or https://"
      : httpUrlProblem(text);
    return problem === undefined ? text.replace(/\/+$/, "") : { problem };
  },
  addressOf: addressOfHttp,
  configure: ({ values }, { events, ...address }): VabusConfig => ({
    mode: values.VABUS_MODE,
    address: withLogin(address, values.VABUS_USERNAME, values.VABUS_PASSWORD),
    events,
  }),
  // Reading a queue removes the event from it.
  mayRepeat: ({ mode }) => mode === "log",
  wayOf: ({ address: { proxy } }) =>
    proxy === undefined ? "" : ` through the proxy ${proxy.masked} (${proxy.variable})`,
  secretsOf({ address }) {
    const { url, token, tls, proxy } = address;
    return [
      token,
      tls?.key,
      ...secretsOfUrl(url),
      // User and password as they are sent.
      authorizationOf(address)?.split(" ")[1],
      ...(proxy === undefined ? [] : secretsOfUrl(proxy.url)),
    ];
  },
  addressesOf({ address }) {
    const { hostname, port, protocol } = new URL(address.url);
    const defaultPort = protocol === "https:" ? "443" : "80";
    return [{ setting: "VABUS_URL", address: `${hostname}:${port || defaultPort}` }];
  },
  // Metrics go to the first bus, with its credentials.
  credentialsOf({ address }) {
    const { url, token, isLoginSet } = address;
    const { hostname, protocol } = new URL(url);
    if (authorizationOf(address) === undefined) return [];
    const password = isLoginSet ? "VABUS_PASSWORD" : "the password in VABUS_URL";
    return [{
      credential: token !== undefined ? "VABUS_TOKEN" : password,
      host: hostname,
      isProtected: protocol === "https:",
      flaw: IN_THE_CLEAR,
      remedy: "give VABUS_URL as https://, with VABUS_CA_FILE where the authority is your own",
    }];
  },
  async create(config, surroundings) {
    const { create } = await import("./create.ts");
    return create(config, surroundings);
  },
  async outlet(config) {
    const { createOutlet } = await import("./create.ts");
    return createOutlet(config);
  },
});
