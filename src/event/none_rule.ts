/** Names that are remembered of one rule. Operators look for a few; the memory has a bound. */
const NAMES_MAX = 200;

/** A rule with `none`, and what it has met since it came into force. */
export interface NoneRule {
  /** The setting that it stands in. */
  readonly setting: "AGG_FUNCTIONS" | "ROUTES";
  /** As the operator has written it, such as `debug.*=none`. */
  readonly text: string;
  /** The names that it has met, in that order; none: it is for every name, and so they are not looked at. */
  readonly names: readonly string[];
  /** Whether there were more names than are remembered. */
  readonly hasMore: boolean;
}

/** The names that a rule has met. */
export class MetNames {
  private readonly names = new Set<string>();
  private isCut = false;

  note(name: string): void {
    if (this.names.size < NAMES_MAX) this.names.add(name);
    else this.isCut ||= !this.names.has(name);
  }

  /** Undefined: it has met none, and is not for every name. @param isForAll See {@link NoneRule.names}. */
  of(setting: NoneRule["setting"], text: string, isForAll: boolean): NoneRule | undefined {
    if (this.names.size === 0 && !isForAll) return undefined;
    return { setting, text, names: [...this.names], hasMore: this.isCut };
  }
}
