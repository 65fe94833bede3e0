import { SourceError } from "../contract/source.ts";
import { ConnectFault } from "../platform/net/server_socket.ts";

/**
 * What a connection that was not made, or that broke, means to the reader.
 *
 * @param name `Redis at r:6379`.
 * @param advice What else to check where TLS has failed.
 */
export function unreachable(name: string, error: unknown, advice = ""): SourceError {
  const message = error instanceof Error ? error.message : String(error);
  const options = { cause: error };
  if (error instanceof ConnectFault && error.isOfTls) {
    const checks = `check VABUS_CA_FILE, VABUS_CERT_FILE and VABUS_KEY_FILE${advice}`;
    return new SourceError("refused", `${name}: ${message}: ${checks}`, undefined, options);
  }
  return new SourceError("unavailable", `${name} cannot be reached: ${message}`, undefined, options);
}
