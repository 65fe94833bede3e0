import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Dialect, dialectOf, speaks } from "../net/dialect.ts";

/** A port that is said to be a broker's. */
export interface Listener {
  readonly host: string;
  readonly port: number;
}

/** How a client is about to talk to it. */
export interface ClientManners {
  /** The certificate that it would show; undefined: it uses no TLS. */
  readonly tls: { readonly cert?: string | undefined; readonly key?: string | undefined } | undefined;
  readonly hasLogin: boolean;
}

/**
 * Why a listener and a client do not fit, as far as it shows before a login.
 *
 * `login`: the broker wants one. `no-tls`: it has no TLS. `tls`: it wants TLS. Else it speaks another
 * protocol.
 */
export type Misfit = "login" | "no-tls" | "tls" | { readonly speaks: Dialect };

const LOGIN_LIMIT_MS = 2000;
/**
 * A Metadata request of version 1 about no topic. A broker that wants a login first closes the connection
 * instead of answering.
 */
const METADATA_OF_NOTHING = Uint8Array.of(0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0);

/** Why a client does not fit to a listener; `none`: it does. Undefined: nobody answers there. */
export async function misfitOf(
  listener: Listener,
  { tls, hasLogin }: ClientManners,
): Promise<Misfit | "none" | undefined> {
  const { host, port } = listener;
  const expected = tls === undefined ? "Kafka" : "TLS";
  const dialect = await speaks(expected, host, port) ? expected : await dialectOf(host, port);
  if (dialect === undefined) return undefined;
  if (dialect === expected) return !hasLogin && await closesOnStrangers(listener, tls) ? "login" : "none";
  if (dialect === "Kafka") return "no-tls";
  return dialect === "TLS" ? "tls" : { speaks: dialect };
}

function closesOnStrangers({ host, port }: Listener, tls: ClientManners["tls"]): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const ask = () => socket.write(METADATA_OF_NOTHING);
  const certificate = { ...(tls?.cert && { cert: tls.cert }), ...(tls?.key && { key: tls.key }) };
  // The certificate is not checked here, since nothing secret is sent. The login checks it.
  const socket = tls === undefined
    ? connect(port, host, ask)
    : connectTls({ host, port, rejectUnauthorized: false, ...certificate }, ask);
  const timer = setTimeout(() => resolve(false), LOGIN_LIMIT_MS);
  // A TLS alert, such as for a missing certificate, is not a request for a login.
  socket.once("error", (error) => /alert/i.test(error.message) && resolve(false));
  socket.once("data", () => resolve(false)).once("close", () => resolve(true));
  socket.on("error", () => {});
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
