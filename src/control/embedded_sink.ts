import type { Registry } from "../runtime/registry.ts";
import type { Config } from "../settings/config.ts";
import type { SinkFile } from "../settings/declaration.ts";
import { OrderError } from "./order_error.ts";

/**
 * The sink that is a file, or the one of them with the id `wanted`. @throws {OrderError} There is none, or it
 * is not clear which.
 */
export function embeddedSink({ sinks }: Config, registry: Registry, wanted: string | undefined): SinkFile {
  const files = sinks.flatMap((sink) => {
    const file = registry.fileOf(sink);
    return file === undefined ? [] : [{ id: sink.id, ...file }];
  });
  const ids = files.map(({ id }) => id).join(", ");
  if (files.length === 0) {
    const kinds = registry.sinks.filter(({ fileOf }) => fileOf).map(({ kind }) => kind);
    throw new OrderError(
      "wrong",
      `--sink-to: ${kinds.join(" or ")} is not in STORAGE_TYPE, so there is no embedded sink. ` +
        "Leave it out, or give the handler's settings.",
    );
  }
  const found = wanted === undefined ? files : files.filter(({ id }) => id === wanted);
  if (found.length === 1) return found[0]!;
  throw new OrderError(
    "wrong",
    wanted === undefined
      ? `--sink-to: there are several embedded sinks (${ids}). Say by --sink which.`
      : `--sink ${wanted}: there is no such embedded sink in STORAGE_TYPE. There are: ${ids}.`,
  );
}
