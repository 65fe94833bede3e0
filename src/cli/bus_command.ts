import { type AnyCommand, command } from "./command.ts";
import { loadBusConfig } from "../settings/bus_config.ts";
import { choice, directory, duration, integer, listenAddress, path } from "../settings/value_type.ts";
import { single, singleOr, toggle } from "./option.ts";
import type { Registry } from "../runtime/registry.ts";

export function busCommand(registry: Registry): AnyCommand {
  return command({
    name: "bus",
    summary: "a VaBus server for development, tests and small sites",
    details:
      "Asks for the token of VABUS_TOKEN when there is one. Without a token it answers to addresses, " +
      "to localhost and to the names of HTTP_ALLOWED_HOSTS, and never to pages of other sites.",
    examples: [
      ["bus", "on 127.0.0.1:8000, in memory"],
      [
        "bus --listen 0.0.0.0:8000 --vabus-token-file token --tls-cert-file bus.pem --tls-key-file bus.key",
        "for other hosts",
      ],
      [
        "bus --data-dir /var/lib/vabus --when-full drop-oldest",
        "kept on disk; the newest events count most",
      ],
    ],
    concerns: ["VABUS_TOKEN", "HTTP_ALLOWED_HOSTS", "LOG_LEVEL", "LOG_FORMAT"],
    options: {
      listen: singleOr(
        "--listen",
        listenAddress(),
        "127.0.0.1:8000",
        "where to listen; port 0 for any free one",
      ),
      memory: toggle("--memory", "keep the log in memory; the default without --data-dir"),
      dataDir: single("--data-dir", directory("the path of a directory"), "keep the log in this directory"),
      maxEvents: singleOr("--max-events", integer(1, 10_000_000_000), "10000000", "most events kept"),
      maxBytes: singleOr("--max-bytes", integer(1024, 1e15), "1073741824", "most bytes kept"),
      whenFull: single(
        "--when-full",
        choice(["refuse", "drop-oldest"]),
        "refuse answers 429 until there is room (default: refuse what a known consumer would lose, " +
          "else drop-oldest)",
      ),
      consumerExpiryMs: singleOr(
        "--consumer-expiry",
        duration(1, 86_400 * 366),
        "7d",
        "silence, while the bus runs, after which a consumer counts no more",
      ),
      insecure: toggle(
        "--insecure",
        "let other hosts in without a token, or with one but without TLS; those without the token " +
          "may use names only of HTTP_ALLOWED_HOSTS",
      ),
      tlsCertFile: single(
        "--tls-cert-file",
        path("the path of a PEM file"),
        "certificate to serve https with",
      ),
      tlsKeyFile: single("--tls-key-file", path("the path of a PEM file"), "its key"),
    },
    configure: (sources) => loadBusConfig(sources, registry.catalogue),
    run: async (context, options) => (await import("./bus.ts")).bus(context, options),
  });
}
