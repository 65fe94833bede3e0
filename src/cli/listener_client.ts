import { X509Certificate } from "node:crypto";
import { type ClientRequest, type IncomingMessage, request as requestPlainly } from "node:http";
import { request as requestByTls } from "node:https";
import type { TLSSocket } from "node:tls";
import type { z } from "zod";
import type { Config } from "../settings/config.ts";
import { printable } from "../platform/log/printable.ts";
import { concealing } from "../settings/redaction.ts";
import { loopbackUrl } from "./health.ts";
import { ListenerError } from "./listener_error.ts";

/** How long the listener may take until its answer begins. */
const ANSWER_MAX_MS = 5000;
/** A listener says something every 15 s, so a stream that is silent for longer has lost its network. */
const SILENCE_MAX_MS = 45_000;
/** An answer, or one event of a stream, is shorter. */
const ANSWER_MAX_CHARACTERS = 32 * 1024 * 1024;
const SHOWN_CHARACTERS = 300;
/** Options of a request over TLS whose certificate is compared by the caller. */
const ANY_CERTIFICATE = { rejectUnauthorized: false };

/** For stderr. */
export const EXPOSED_TOKEN =
  "WARNING the token goes over the network in the clear: use https, or a tunnel to the handler's host.\n";

/** An event that the listener has sent. */
export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Asks the admin listener of a handler. */
export class ListenerClient {
  private constructor(
    readonly url: string,
    private readonly token: string | undefined,
    /** The certificate that the listener must have; undefined: any that is valid for its name. */
    private readonly certificate: string | undefined,
  ) {}

  /**
   * @param url Where the listener is; undefined: where the settings say. Undefined is returned where they say
   * that there is none.
   */
  static of(
    { httpListen, httpTls, httpTokens }: Config,
    url: string | undefined,
  ): ListenerClient | undefined {
    // The admin's token stays on this host, whatever address an operator types.
    if (url !== undefined) return new ListenerClient(url.replace(/\/+$/, ""), httpTokens.viewer, undefined);
    if (httpListen === undefined || httpListen.port === 0) return undefined;
    const token = httpTokens.viewer ?? httpTokens.admin;
    return new ListenerClient(loopbackUrl(httpListen, httpTls !== undefined), token, httpTls?.cert);
  }

  /** Whether a token would go over the network in the clear. */
  get exposesToken(): boolean {
    const { hostname, protocol } = new URL(this.url);
    const isOnThisHost = hostname === "localhost" || hostname === "[::1]" ||
      /^127(?:\.\d+){3}$/.test(hostname);
    return this.token !== undefined && protocol === "http:" && !isOnThisHost;
  }

  /**
   * The JSON reply to a question.
   *
   * @param maxMs How long the whole answer may take.
   * @throws {ListenerError} @throws The signal's reason, when it fires.
   */
  async get<T>(
    path: string,
    schema: z.ZodType,
    signal: AbortSignal,
    maxMs = ANSWER_MAX_MS,
  ): Promise<T> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(maxMs)]);
    const reply = await this.ask(path, signal, deadline);
    try {
      return this.checked<T>(schema, parsed(await textOf(reply), this.url));
    } catch (error) {
      throw this.failure(error, signal);
    }
  }

  /** What a handler has sent. @throws {ListenerError} It is not what a handler of this version sends. */
  checked<T>(schema: z.ZodType, data: unknown): T {
    if (!schema.safeParse(data).success) throw strange(this.url);
    return data as T;
  }

  /**
   * The events of a stream until it ends.
   *
   * @throws {ListenerError} @throws The signal's reason, when it fires.
   */
  async *stream(path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    const beginning = new AbortController();
    const timer = setTimeout(() => beginning.abort(), ANSWER_MAX_MS);
    try {
      const reply = await this.ask(path, signal, AbortSignal.any([signal, beginning.signal]));
      clearTimeout(timer);
      let text = "";
      reply.setEncoding("utf8");
      reply.setTimeout(SILENCE_MAX_MS, () => reply.destroy(new Error("it has gone silent")));
      for await (const piece of reply) {
        text += piece;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const event = /^event: (\w+)$/m.exec(text.slice(0, end))?.[1];
          const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
          text = text.slice(end + 2);
          if (event !== undefined && data !== undefined) yield { event, data: parsed(data, this.url) };
        }
        if (text.length > ANSWER_MAX_CHARACTERS) throw strange(this.url);
      }
    } catch (error) {
      throw this.failure(error, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The reply, once its head is here and is a success. */
  private async ask(path: string, signal: AbortSignal, deadline: AbortSignal): Promise<IncomingMessage> {
    try {
      const reply = await this.send(path, deadline);
      if (reply.statusCode === 200) return reply;
      const said = await textOf(reply).catch(() => "");
      // What answers need not be a handler, and may repeat the token.
      throw refusal(this.url, path, reply.statusCode ?? 0, concealing([this.token])(said));
    } catch (error) {
      throw this.failure(error, signal);
    }
  }

  private async send(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
    const { certificate } = this;
    const options = { signal, agent: false, ...(certificate === undefined ? { headers } : ANY_CERTIFICATE) };
    const isTls = this.url.startsWith("https:");
    const request = (isTls ? requestByTls : requestPlainly)(this.url + path, options, resolve);
    request.on("error", reject);
    if (certificate === undefined) {
      request.end();
    } else {
      const known = (socket: TLSSocket) => this.endOnceKnown(request, socket, certificate, headers);
      request.once("socket", (socket) => known(socket as TLSSocket));
    }
    return await promise;
  }

  /**
   * Sends the request once the listener on this host is known. Its certificate is made for the name that
   * other hosts use, so it is not compared with the address: it must be the very one of the settings, before
   * the token is sent.
   */
  private endOnceKnown(
    request: ClientRequest,
    socket: TLSSocket,
    certificate: string,
    headers: Readonly<Record<string, string>>,
  ): void {
    socket.once("secureConnect", () => {
      // Undefined: the other side has closed the connection already.
      const raw: Uint8Array | undefined = socket.getPeerCertificate()?.raw;
      if (raw === undefined || !new X509Certificate(certificate).raw.equals(raw)) {
        const message = `${this.url} has another certificate than HTTP_CERT_FILE.`;
        request.destroy(new ListenerError("foreign", message));
        return;
      }
      for (const [name, value] of Object.entries(headers)) request.setHeader(name, value);
      request.end();
    });
  }

  private failure(error: unknown, signal: AbortSignal): unknown {
    if (error instanceof ListenerError) return error;
    if (signal.aborted) return signal.reason;
    const { code, message } = error as { readonly code?: unknown; readonly message: string };
    const why = typeof code === "string" ? code : message;
    return new ListenerError("absent", `${this.url} does not answer (${printable(why).slice(0, 100)}).`);
  }
}

async function textOf(reply: IncomingMessage): Promise<string> {
  let text = "";
  reply.setEncoding("utf8");
  for await (const piece of reply) {
    text += piece;
    if (text.length > ANSWER_MAX_CHARACTERS) throw new ListenerError("foreign", "The answer is too long.");
  }
  return text;
}

function parsed(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw strange(url);
  }
}

function strange(url: string): ListenerError {
  return new ListenerError("foreign", `${url} answers, but not as a handler of this version does.`);
}

function refusal(url: string, path: string, status: number, text: string): ListenerError {
  const { code, message } = errorIn(text);
  const said = printable(message).slice(0, SHOWN_CHARACTERS);
  if (code === "certificate_needed") {
    return new ListenerError(
      "refused",
      `${url} refuses: it asks for certificates of clients (HTTP_CLIENT_CA_FILE), and this command has ` +
        "none. Use a client with a certificate, such as curl --cert, or the commands that read the state.",
    );
  }
  if (status === 401 || status === 403) {
    return new ListenerError(
      "refused",
      `${url} refuses: ${said}. Give the token of a viewer: VIEWER_TOKEN_FILE, or VIEWER_TOKEN in the ` +
        "settings.",
    );
  }
  if (status === 404) {
    return new ListenerError(
      "foreign",
      `${url} has no ${path.split("?")[0]}: it is no handler, or an older one.`,
    );
  }
  return new ListenerError("refused", `${url} answers ${status}: ${said}`);
}

/** What an error of the listener says. */
function errorIn(text: string): { readonly code?: unknown; readonly message: string } {
  try {
    const error = JSON.parse(text)?.error;
    if (typeof error?.message === "string") return error;
  } catch {
    // Something else answers.
  }
  return { message: "it does not say why" };
}
