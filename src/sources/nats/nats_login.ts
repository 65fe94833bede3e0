import { NatsKey } from "./nkey.ts";

/** How to log in to servers. */
export type NatsLogin =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "user"; readonly username: string; readonly password: string }
  /** `jwt`: what an operator's account has signed; undefined: the server knows the key itself. */
  | { readonly kind: "key"; readonly key: NatsKey; readonly jwt: string | undefined };

const JWT = /-----BEGIN NATS USER JWT-----\s+(\S+)\s+-{3,}END NATS USER JWT-{3,}/;
const SEED = /-----BEGIN USER NKEY SEED-----\s+(\S+)\s+-{3,}END USER NKEY SEED-{3,}/;

/** The login of a credentials file or a seed; undefined: the text is neither. */
export function loginOfCredentials(text: string): NatsLogin | undefined {
  const jwt = JWT.exec(text)?.[1];
  const key = NatsKey.ofSeed(SEED.exec(text)?.[1] ?? text.trim());
  if (key === undefined || (jwt === undefined && text.includes("JWT"))) return undefined;
  return { kind: "key", key, jwt };
}

/** What of a login goes into the greeting. @param nonce What the server has drawn, to be signed. */
export function greetingOf(login: NatsLogin | undefined, nonce: string | undefined): Record<string, string> {
  switch (login?.kind) {
    case undefined:
      return {};
    case "token":
      return { auth_token: login.token };
    case "user":
      return { user: login.username, pass: login.password };
    case "key":
      return {
        ...(login.jwt === undefined ? { nkey: login.key.publicKey } : { jwt: login.jwt }),
        ...(nonce !== undefined && { sig: login.key.signature(nonce) }),
      };
  }
}
