import type { LogFields, Logger } from "./logger.ts";

type Level = "info" | "warn" | "error";

/**
 * Causes of one kind that are distinguished at a time. Where there are more, each error has something new in
 * it, and they count as one cause.
 */
const CAUSES_MAX = 10;
/** Counts and ports differ each time. */
const NUMBER = /\d+/g;

/** A cause that was logged since {@link Repetitions.tell} was last called. */
interface Cause {
  /** How often it has happened since it was logged. */
  times: number;
  /** The sequence number of its last occurrence. */
  last: number;
  /** Logs the last occurrence. */
  tell: (times: number) => void;
}

/**
 * Keeps repetitions from filling the log. A new cause is logged at once. Further occurrences are held back
 * until {@link tell}, which is called each minute and logs the last one with the number of `times`. So each
 * cause takes one or two lines a minute, at any rate, and the last line on a sink or a bus says how it is
 * now.
 */
export class Repetitions {
  private readonly kinds = new Map<string, Map<string, Cause>>();
  private happenings = 0;

  /**
   * Only lines of components are folded, since these try again by themselves. Lines of the program itself,
   * such as those for an operator, stay as they are.
   */
  foldComponents(logger: Logger): Logger {
    return { ...logger, child: (component) => this.fold(logger.child(component), component) };
  }

  /** Lines of level `debug` were asked for, so they are not held back. */
  private fold(logger: Logger, component: string): Logger {
    const folded = (level: Level) => (message: string, fields: LogFields = {}) => {
      const stem = message.split(": ", 1)[0]!;
      const kind = [level, component, fields.sink, fields.bus, stem].join("\n");
      const what = [message, fields.reason, fields.table].join("\n");
      this.happened(kind, what, (times) => logger[level](message, times ? { ...fields, times } : fields));
    };
    return {
      debug: logger.debug,
      info: folded("info"),
      warn: folded("warn"),
      error: folded("error"),
      child: (name) => this.fold(logger.child(name), name),
    };
  }

  /** Logs what was held back, in the order of the last occurrences. */
  tell(): void {
    const held: Cause[] = [];
    for (const [kind, causes] of this.kinds) {
      for (const [name, cause] of causes) {
        if (cause.times > 0) held.push(cause);
        else causes.delete(name);
      }
      if (causes.size === 0) this.kinds.delete(kind);
    }
    for (const cause of held.sort((a, b) => a.last - b.last)) {
      cause.tell(cause.times);
      cause.times = 0;
    }
  }

  private happened(kind: string, what: string, tell: (times: number) => void): void {
    const causes = emplace(this.kinds, kind.replace(NUMBER, "#"), () => new Map<string, Cause>());
    const exact = what.replace(NUMBER, "#");
    const name = causes.has(exact) || causes.size < CAUSES_MAX ? exact : "";
    const isNew = !causes.has(name);
    const cause = emplace(causes, name, () => ({ times: 0, last: 0, tell }));
    cause.last = ++this.happenings;
    if (isNew) return tell(0);
    cause.times++;
    cause.tell = tell;
  }
}

function emplace<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}
