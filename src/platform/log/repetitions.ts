import type { LogFields, Logger } from "./logger.ts";

type Level = "info" | "warn" | "error";

/** Causes of one kind that are told apart at a time: more of them are errors with something new in each, and count as one. */
const CAUSES_MAX = 10;
/** Counts and ports differ each time. */
const NUMBER = /\d+/g;

/** What was told since {@link Repetitions.tell} was last called. */
interface Cause {
  /** How often it has happened since it was told. */
  times: number;
  /** Which of all happenings was its last one. */
  last: number;
  /** Tells the last one. */
  tell: (times: number) => void;
}

/**
 * Keeps what happens again and again from filling the log. A cause is told at once when it is new; what follows of it is held
 * back until {@link tell}, which is to be called each minute. Then the last one is told, with how many `times` it was. So every
 * cause takes a line or two a minute, at whatever rate it comes, and the last line on a sink or a bus says how it stands.
 */
export class Repetitions {
  private readonly kinds = new Map<string, Map<string, Cause>>();
  private happenings = 0;

  /** Folds what components tell, which try again by themselves. What the program itself says, as to an operator, stays as it is. */
  foldComponents(logger: Logger): Logger {
    return { ...logger, child: (component) => this.fold(logger.child(component), component) };
  }

  /** What was asked for, `debug`, is told as it comes. */
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

  /** Tells what was held back, in the order in which it last happened. */
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
