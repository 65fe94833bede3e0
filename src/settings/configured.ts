import type {
  Address,
  Declaration,
  EventTexts,
  SinkDeclaration,
  SinkFile,
  SinkRetention,
  SourceDeclaration,
  Transmission,
} from "./declaration.ts";
import { eventTexts, OWN_FORMATS } from "./event_texts.ts";
import { type InstanceShare, isOwn, shareInWords } from "./share.ts";
import type { Ledger } from "./ledger.ts";
import { Scope } from "./scope.ts";
import { prefixOfSink, type SinkName, wordOfSink } from "./sink_name.ts";
import type { SourceUrl } from "./source_url.ts";
import type { CoreValues } from "./variables.ts";

/** A sink of `STORAGE_TYPE`. */
export interface SinkConfig extends SinkName {
  /** The plain data that its connector has made of its settings. */
  readonly options: unknown;
}

/** A bus of `VABUS_URL`. */
export interface SourceConfig extends Omit<SourceUrl, "events"> {
  /** How its records are read. */
  readonly events: EventTexts;
  /** The part of `events` that its URL sets. */
  readonly ownEvents: Partial<EventTexts>;
  /** The URL without credentials. */
  readonly address: string;
  /** The plain data that its connector has made of its settings. */
  readonly options: unknown;
}

/** A part of the configuration with its connector. */
export interface Configured<P extends { readonly options: unknown }, D extends Declaration> {
  readonly config: P;
  readonly connector: D;
  /** Replaces the names of settings in a text by the operator's names. */
  readonly named: (text: string) => string;
}

export type ConfiguredSink = Configured<SinkConfig, SinkDeclaration>;
export type ConfiguredSource = Configured<SourceConfig, SourceDeclaration>;
type ConfiguredPart = Configured<{ readonly options: unknown }, Declaration>;

/** The sinks of `STORAGE_TYPE`. Faults of their settings go into the ledger. */
export function configureSinks(ledger: Ledger, stateDir: string): ConfiguredSink[] {
  const { sinks, catalogue } = ledger.settings;
  return sinks.map((name) => {
    const connector = catalogue.sinkOfKind(name.kind);
    const prefix = prefixOfSink(name);
    for (const [own, { needed }] of Object.entries(connector.settings)) {
      if (needed) ledger.require(prefix + own, `since STORAGE_TYPE has ${wordOfSink(name)}`);
    }
    const scope = new Scope(ledger, connector.settings, prefix, name.id, name.kind, stateDir);
    return { config: { ...name, options: connector.configure(scope) }, connector, named: scope.named };
  });
}

/** The buses of `VABUS_URL`. Faults of their settings go into the ledger. */
export function configureBuses(ledger: Ledger, values: CoreValues): ConfiguredSource[] {
  const urls = values.VABUS_URL ?? values.DEFAULT_VABUS_URL;
  if (values.VABUS_URL === undefined) {
    ledger.show("VABUS_URL", ledger.shown.get("DEFAULT_VABUS_URL")!.value!, "DEFAULT_VABUS_URL");
  }
  const tls = ledger.tls("VABUS_CA_FILE", "VABUS_CERT_FILE", "VABUS_KEY_FILE");
  const common = { token: values.VABUS_TOKEN, tls, busCount: urls.length };
  return urls.map(({ kind, url, name, events: own }) => {
    const connector = ledger.settings.catalogue.sourceOfKind(kind);
    const scope = new Scope(ledger, connector.settings, "", kind, kind, "");
    const texts = eventTexts(values, own);
    const events = connector.hasOwnFormats
      ? { ...texts, format: OWN_FORMATS }
      : connector.eventsOf?.(url, texts) ?? texts;
    const options = connector.configure(scope, { ...common, url, events, proxy: ledger.proxy(url) });
    return {
      config: { kind, url, name, events, ownEvents: own, address: connector.addressOf(url), options },
      connector,
      named: scope.named,
    };
  });
}

/**
 * The buses that an instance reads by its share: the others belong to other instances. A fault goes into the
 * ledger where none is left.
 */
export function shareOf(
  buses: readonly ConfiguredSource[],
  share: InstanceShare | undefined,
  ledger: Ledger,
): readonly ConfiguredSource[] {
  const own = buses.filter(({ connector }, url) => connector.sharing !== undefined || isOwn(url, share));
  if (share !== undefined && own.length === 0) {
    ledger.fault(
      "INSTANCE_INDEX",
      `leaves ${
        shareInWords(share)
      } without a bus: VABUS_URL has only ${buses.length}, numbered from 0, and ` +
        "a bus of this kind is read by one instance. Lower INSTANCE_COUNT, or do not start this instance",
    );
  }
  return own;
}

/** Whether the number of instances may change while buses of the kind have been read. */
export function handsOver({ handsOver, sharing }: SourceDeclaration): boolean {
  return handsOver === true || sharing === "own";
}

/** Whether all settings that a sink needs are there and valid. */
export function isSound({ config: { id } }: ConfiguredSink, { settings, faults }: Ledger): boolean {
  const { catalogue, values } = settings;
  const isLacking = [...catalogue.entries].some(([name, { variable, sink }]) =>
    variable.needed && sink?.id === id && values.get(name) === undefined
  );
  return !isLacking && !faults.some(({ subject }) => {
    const name = catalogue.ofGiven(subject);
    return name !== undefined && catalogue.entry(name).sink?.id === id;
  });
}

/** Two sinks that write to the same table, topic or file would each take the other's rows for their own. */
export function checkTargets(sinks: readonly ConfiguredSink[], ledger: Ledger): void {
  for (const [index, { config, connector }] of sinks.entries()) {
    const targets = connector.targetsOf(config.options);
    const other = sinks.slice(0, index).find((earlier) =>
      earlier.config.kind === config.kind &&
      connector.targetsOf(earlier.config.options).some((target) => targets.includes(target))
    );
    if (other === undefined || ledger.isAtFault("STORAGE_TYPE")) continue;
    ledger.fault(
      "STORAGE_TYPE",
      `has ${wordOfSink(other.config)} and ${
        wordOfSink(config)
      }, which write to the same place: each needs its own`,
    );
  }
}

export function filesOf(sinks: readonly ConfiguredSink[]): SinkFile[] {
  return sinks.flatMap(({ config, connector, named }) => {
    const file = connector.fileOf?.(config.options);
    return file === undefined ? [] : [{ ...file, setting: named(file.setting) }];
  });
}

export function retentionsOf(sinks: readonly ConfiguredSink[]): SinkRetention[] {
  return sinks.flatMap(({ config, connector, named }) => {
    const retention = connector.retentionOf?.(config.options);
    return retention === undefined ? [] : [{ ...retention, setting: named(retention.setting) }];
  });
}

export function addressesOf(parts: readonly ConfiguredPart[]): Address[] {
  return parts.flatMap(({ config, connector, named }) =>
    (connector.addressesOf?.(config.options) ?? [])
      .map(({ setting, address }) => ({ setting: named(setting), address }))
  );
}

export function secretsOf(parts: readonly ConfiguredPart[]): (string | undefined)[] {
  return parts.flatMap(({ config, connector }) => connector.secretsOf?.(config.options) ?? []);
}

export function transmissionsOf(parts: readonly ConfiguredPart[]): Transmission[] {
  return parts.flatMap(({ config, connector, named }) =>
    (connector.credentialsOf?.(config.options) ?? []).map((transmission) => ({
      ...transmission,
      credential: named(transmission.credential),
      flaw: named(transmission.flaw),
      remedy: named(transmission.remedy),
    }))
  );
}
