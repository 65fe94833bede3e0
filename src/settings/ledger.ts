import { resolve } from "node:path";
import { type Certificate, certificateEnd } from "./certificate.ts";
import type { TlsConfig } from "./declaration.ts";
import { exposedSecrets } from "./exposed_secrets.ts";
import { readText } from "./dot_env.ts";
import type { Fault } from "./fault.ts";
import { type Proxy, proxyFor } from "./proxy.ts";
import type { AllSettings, Setting, Sources } from "./settings.ts";

/** The findings of checking the variables against each other. */
export class Ledger {
  readonly faults: Fault[];
  readonly warnings: string[];
  /** Each variable with its effective value. */
  readonly shown: Map<string, Setting>;
  /** The texts that each variable was read from, with the contents of the files that it names. */
  readonly texts: Map<string, string | undefined>;
  /** The certificates of the files that are named. */
  readonly certificates: Certificate[] = [];

  constructor(readonly settings: AllSettings, private readonly sources: Sources) {
    this.faults = [...settings.faults];
    this.warnings = exposedSecrets([...settings.masked.values()], sources);
    this.shown = new Map(settings.masked);
    this.texts = new Map(settings.texts);
  }

  isGiven(name: string): boolean {
    return this.settings.given.has(name);
  }

  isAtFault(name: string): boolean {
    return this.faults.some(({ subject }) => subject === name);
  }

  /** @param pointed Where in a text the fault is. */
  fault(name: string, problem: string, isAbsence = false, pointed?: Fault["pointed"]): void {
    const { value, origin, allowed } = this.shown.get(name)!;
    this.faults.push({
      subject: name,
      origin: value === undefined ? undefined : origin,
      value,
      problem,
      allowed,
      ...(isAbsence && { isAbsence }),
      ...(pointed && { pointed }),
    });
  }

  /** Whether the text of a variable was refused on its own. */
  isMistaken(name: string): boolean {
    return this.settings.refused.has(name);
  }

  /**
   * Reports a variable that is missing though others need it. A variable that was given but is faulty has
   * been reported already.
   */
  require(name: string, why: string): void {
    const isThere = this.settings.values.get(name) !== undefined || this.isGiven(name);
    if (!isThere) this.fault(name, `is missing, ${why}`, true);
  }

  /** Notes the effective value of a variable without a fixed default. */
  show(name: string, value: string, origin = this.shown.get(name)!.origin): string {
    this.shown.set(name, { ...this.shown.get(name)!, value, origin });
    return value;
  }

  /** Notes the content of a file that a variable names, so that a change of the file is seen. */
  note(name: string, content: string): void {
    this.texts.set(name, `${this.texts.get(name)}\n${content}`);
  }

  absolute(path: string): string {
    return resolve(this.sources.workingDirectory, path);
  }

  tls(caName: string, certName: string, keyName: string): TlsConfig | undefined {
    if (![caName, certName, keyName].some((name) => this.isGiven(name))) return undefined;
    if (this.isGiven(certName) !== this.isGiven(keyName)) {
      const [missing, present] = this.isGiven(certName) ? [keyName, certName] : [certName, keyName];
      this.fault(missing, `is missing, since ${present} is set`);
    }
    return {
      ca: this.pem(caName, "CERTIFICATE"),
      cert: this.pem(certName, "CERTIFICATE"),
      key: this.pem(keyName, "PRIVATE KEY"),
    };
  }

  /** The proxy for a URL. */
  proxy(url: string): Proxy | undefined {
    const found = proxyFor(url, this.sources.environment);
    if (found === undefined || "url" in found) return found;
    const { variable: subject, masked: value, problem } = found;
    if (!this.isAtFault(subject)) this.faults.push({ subject, origin: "environment", value, problem });
    return undefined;
  }

  /** The content of the PEM file that a variable names. */
  pem(name: string, label: string): string | undefined {
    const path = this.settings.values.get(name);
    return typeof path === "string" ? this.pemFile(name, path, label) : undefined;
  }

  /** @param parameter The part of the variable that names the file; undefined: all of it. */
  pemFile(name: string, path: string, label: string, parameter?: string): string | undefined {
    const subject = parameter === undefined ? "" : `has ${parameter}, which `;
    const result = readText(path, this.sources);
    if ("problem" in result) this.fault(name, subject + result.problem, true);
    else if (!new RegExp(`-----BEGIN [A-Z ]*${label}-----`).test(result.text)) {
      this.fault(name, `${subject}names a file without a PEM block "${label}"`);
    } else if (/-----BEGIN ENCRYPTED |^Proc-Type:.*ENCRYPTED/m.test(result.text)) {
      this.fault(name, `${subject}names a key that needs a password; store the key without one`);
    } else {
      this.note(name, result.text);
      this.noteCertificate(parameter === undefined ? name : `${name} ${parameter}`, result.text);
      return result.text;
    }
    return undefined;
  }

  private noteCertificate(setting: string, pem: string): void {
    const endMs = certificateEnd(pem);
    // Several parts may read one file.
    if (endMs === undefined || this.certificates.some((known) => known.setting === setting)) return;
    this.certificates.push({ setting, endMs });
  }
}
