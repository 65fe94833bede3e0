import type { TlsConfig } from "./declaration.ts";
import type { Ledger } from "./ledger.ts";
import { namer, type Spec, type ValuesOf } from "./variable.ts";

type Name<S extends Spec> = keyof S & string;

/**
 * The settings of one connector, by the connector's own names. The operator's names may have a prefix, which
 * is added and removed here, in messages too.
 */
export class Scope<S extends Spec> {
  /** The values that were read; a faulty value is replaced by the default. */
  readonly values: ValuesOf<S>;
  /** Replaces the connector's own names in a text by the operator's. */
  readonly named: (text: string) => string;

  /**
   * @param id The name of the connector in this configuration.
   * @param stateDir Absolute; empty where it is at fault.
   */
  constructor(
    private readonly ledger: Ledger,
    spec: S,
    private readonly prefix: string,
    readonly id: string,
    readonly kind: string,
    readonly stateDir: string,
  ) {
    const { values } = ledger.settings;
    const names = Object.keys(spec);
    this.values = Object.fromEntries(names.map((name) => [name, values.get(prefix + name)])) as ValuesOf<S>;
    this.named = namer(spec, prefix);
  }

  isGiven(name: Name<S>): boolean {
    return this.ledger.isGiven(this.prefix + name);
  }

  isAtFault(name: Name<S>): boolean {
    return this.ledger.isAtFault(this.prefix + name);
  }

  /** @param problem The rest of a sentence whose subject is the setting. */
  fault(name: Name<S>, problem: string): void {
    this.ledger.fault(this.prefix + name, this.named(problem));
  }

  /** Reports a bus that cannot be as its URL says. @param problem The rest of a sentence about its URL. */
  refuseBus(problem: string): void {
    this.ledger.fault(this.ledger.isGiven("VABUS_URL") ? "VABUS_URL" : "DEFAULT_VABUS_URL", problem);
  }

  warn(text: string): void {
    this.ledger.warnings.push(this.named(text));
  }

  /** The value of a setting that others make necessary; a fault where there is none. */
  required<N extends Name<S>>(name: N, why: string): NonNullable<ValuesOf<S>[N]> {
    this.ledger.require(this.prefix + name, this.named(why));
    return this.values[name]!;
  }

  /** Notes what a setting without a fixed default comes to. */
  show(name: Name<S>, value: string): string {
    return this.ledger.show(this.prefix + name, value);
  }

  absolute(path: string): string {
    return this.ledger.absolute(path);
  }

  /** The contents of the files of an authority, a certificate and its key; undefined: none is named. */
  tls(ca: Name<S>, cert: Name<S>, key: Name<S>): TlsConfig | undefined {
    return this.ledger.tls(this.prefix + ca, this.prefix + cert, this.prefix + key);
  }

  /** The content of the PEM file that a setting names. */
  pem(name: Name<S>, label: string): string | undefined {
    return this.ledger.pem(this.prefix + name, label);
  }

  /**
   * The content of a PEM file that the value of a setting names. @param parameter The part of the value that
   * names it.
   */
  pemFile(name: Name<S>, path: string, label: string, parameter: string): string | undefined {
    return this.ledger.pemFile(this.prefix + name, path, label, parameter);
  }
}
