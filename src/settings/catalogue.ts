import type { SinkDeclaration, SourceDeclaration } from "./declaration.ts";
import { prefixOfSink, type SinkName } from "./sink_name.ts";
import { isReadFromFile, namer, type Spec, type Variable } from "./variable.ts";
import { EVENTS_OF_RECORDS } from "./event_variables.ts";
import { INSTANCES } from "./instance_variables.ts";
import { TELEMETRY } from "./telemetry_variables.ts";
import { BUSES, buses, REST, sinkVariables, WINDOWS } from "./variables.ts";

/** A setting. */
export interface Entry {
  readonly variable: Variable<unknown>;
  /** Its heading. */
  readonly group: string;
  /** The sink that it belongs to; undefined: it belongs to no sink. */
  readonly sink?: SinkName;
  /** Whether it is about buses, all of them or those of one kind. */
  readonly isOfBuses?: true;
  /**
   * Replaces the names of this setting, and of others of the same sink, in a text by the operator's names.
   */
  readonly named: (text: string) => string;
}

/**
 * All settings. Environment, flags, help, the effective configuration and docs/settings.md are made from it.
 *
 * The settings of a sink have the names of its connector. Where the sink has its own id, the id is put before
 * them.
 */
export class Catalogue {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly names: readonly string[];
  /** Every name that may be given, in the environment or as a flag. */
  readonly givenNames: readonly string[];
  /** The settings whose names other programs have, too. */
  readonly commonNames: readonly string[];
  /** The names that may be given and that no other program has. */
  readonly ownNames: readonly string[];
  /** Headings, in their order. */
  readonly groups: readonly string[];

  /** @param named Sinks with ids of their own. */
  constructor(
    readonly sinks: readonly SinkDeclaration[],
    readonly sources: readonly SourceDeclaration[],
    readonly named: readonly SinkName[] = [],
  ) {
    const ofKinds = sinks.flatMap((sink) => [
      ...entriesOf(sink.settings, sink.title, { id: sink.kind, kind: sink.kind }),
      ...named.filter(({ kind }) => kind === sink.kind)
        .flatMap((name) => entriesOf(sink.settings, `${sink.title} (${name.id})`, name)),
    ]);
    this.entries = new Map([
      ...entriesOf(sinkVariables(sinks)),
      ...ofKinds,
      ...entriesOf(WINDOWS),
      ...[
        ...entriesOf(buses(sources), BUSES),
        ...sources.flatMap(({ settings, title }) => entriesOf(settings, title)),
      ].map(([name, entry]): [string, Entry] => [name, { ...entry, isOfBuses: true }]),
      ...entriesOf(EVENTS_OF_RECORDS),
      ...entriesOf(REST),
      ...entriesOf(INSTANCES),
      ...entriesOf(TELEMETRY),
    ]);
    this.names = [...this.entries.keys()];
    this.givenNames = this.names.flatMap((name) => {
      const file = this.fileVariable(name);
      return file === undefined ? [name] : [name, file];
    });
    this.commonNames = this.names.filter((name) => this.variable(name).commonName);
    this.ownNames = this.givenNames.filter((name) => !this.commonNames.includes(name));
    this.groups = [...new Set([...this.entries.values()].map(({ group }) => group))];
  }

  get kinds(): string[] {
    return this.sinks.map(({ kind }) => kind);
  }

  /** The catalogue with the settings of sinks that have their own ids. */
  withNamed(named: readonly SinkName[]): Catalogue {
    return new Catalogue(this.sinks, this.sources, named);
  }

  sinkOfKind(kind: string): SinkDeclaration {
    return this.sinks.find((sink) => sink.kind === kind)!;
  }

  sourceOfKind(kind: string): SourceDeclaration {
    return this.sources.find((source) => source.kind === kind)!;
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error(`no setting ${name}`);
    return entry;
  }

  variable(name: string): Variable<unknown> {
    return this.entry(name).variable;
  }

  /** The variable that names a file with this one's value; undefined when it is not read from files. */
  fileVariable(name: string): string | undefined {
    return isReadFromFile(this.variable(name)) ? `${name}_FILE` : undefined;
  }

  /** The setting of that name, or the one whose file the name is for. */
  ofGiven(given: string): string | undefined {
    return this.names.find((name) => name === given || this.fileVariable(name) === given);
  }

  /** The setting that `given` would be if there were a sink with the id at its beginning. */
  ofUnnamedSink(
    given: string,
  ): { readonly id: string; readonly kind: string; readonly name: string } | undefined {
    for (const [name, { sink }] of this.entries) {
      if (sink === undefined || sink.id !== sink.kind) continue;
      const ending = [name, this.fileVariable(name)].find((own) =>
        own !== undefined && given.endsWith(`_${own}`)
      );
      if (ending === undefined) continue;
      const id = given.slice(0, -ending.length - 1).toLowerCase();
      if (/^[a-z][a-z0-9_]*$/.test(id)) return { id, kind: sink.kind, name: ending };
    }
    return undefined;
  }
}

function entriesOf(spec: Spec, group?: string, sink?: SinkName): [string, Entry][] {
  const prefix = sink === undefined ? "" : prefixOfSink(sink);
  const named = namer(spec, prefix);
  return Object.entries(spec).map(([name, variable]) => [
    prefix + name,
    { variable, group: variable.group ?? group!, ...(sink && { sink }), named },
  ]);
}
