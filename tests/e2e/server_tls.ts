import { Authority } from "../support/certificates.ts";

/** Paths of PEM files. */
export interface ServerTlsFiles {
  /** The authority, for clients. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate for a server on 127.0.0.1, with its key. */
export async function serverTls(directory: string): Promise<ServerTlsFiles> {
  const authority = await Authority.create(directory, "plant");
  return { caFile: authority.caFile, ...await authority.sign("server", ["IP:127.0.0.1"]) };
}
