import { compileFunctions } from "../aggregation/function_rules.ts";
import { compileMapping } from "../codec/mapping/event_mapping.ts";
import { faultsOfOwnFormats } from "../codec/mapping/own_format_faults.ts";
import type { SinkConnector, SourceConnector } from "../contract/connector.ts";
import type { PartitionReading } from "../contract/partition_reading.ts";
import { compileRoutes } from "../delivery/routes.ts";
import { Catalogue } from "../settings/catalogue.ts";
import { type Config, loadConfig } from "../settings/config.ts";
import type { SinkConfig } from "../settings/configured.ts";
import { OWN_FORMATS } from "../settings/event_texts.ts";
import type { SinkFile } from "../settings/declaration.ts";
import type { Sources } from "../settings/settings.ts";
import { prefixOfSink } from "../settings/sink_name.ts";
import { namer } from "../settings/variable.ts";
import { SINKS } from "../sinks/registry.ts";
import { SOURCES } from "../sources/registry.ts";

/** The connectors of a program, and what is derived from them. */
export class Registry {
  /** All settings, except those of sinks with their own ids. */
  readonly catalogue: Catalogue;

  constructor(readonly sinks: readonly SinkConnector[], readonly sources: readonly SourceConnector[]) {
    this.catalogue = new Catalogue(sinks, sources);
  }

  source({ kind }: { readonly kind: string }): SourceConnector {
    const connector = this.sources.find((candidate) => candidate.kind === kind);
    if (connector === undefined) throw new Error(`no kind of source ${kind}`);
    return connector;
  }

  /** What a position of a bus at this address says was read; undefined: such positions do not say it. */
  readingOf(address: string, position: string): PartitionReading | undefined {
    const scheme = address.split(":")[0]!;
    return this.sources
      .find(({ schemes: { plain, tls } }) => [...plain, ...tls].includes(scheme))
      ?.readingOf?.(position);
  }

  sink({ kind }: { readonly kind: string }): SinkConnector {
    const connector = this.sinks.find((candidate) => candidate.kind === kind);
    if (connector === undefined) throw new Error(`no kind of sink ${kind}`);
    return connector;
  }

  /** Replaces the names of a sink's settings in a text by the operator's names. */
  namesOf(sink: SinkConfig): (text: string) => string {
    return namer(this.sink(sink).settings, prefixOfSink(sink));
  }

  /** The file that a sink writes to; undefined: it is not a file. */
  fileOf(sink: SinkConfig): SinkFile | undefined {
    const file = this.sink(sink).fileOf?.(sink.options);
    return file && { ...file, setting: this.namesOf(sink)(file.setting) };
  }

  /** The configuration of the handler, including the rules of routes and functions. @throws {ConfigError} */
  configure(sources: Sources): Config {
    return loadConfig(sources, this.catalogue, {
      routes: (text, sinks, intervals) => faultsOf(compileRoutes(text, sinks, intervals)),
      functions: (text) => faultsOf(compileFunctions(text)),
      events: (texts) => {
        if (texts.format === OWN_FORMATS) return faultsOfOwnFormats(texts);
        const compiled = compileMapping(texts);
        return "faults" in compiled ? compiled.faults : [];
      },
    });
  }
}

function faultsOf(
  compiled: { readonly ok: unknown } | { readonly faults: readonly string[] },
): readonly string[] {
  return "faults" in compiled ? compiled.faults : [];
}

/** The connectors of this program. */
export const REGISTRY = new Registry(SINKS, SOURCES);
