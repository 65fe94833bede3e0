import { SinkError } from "../contract/sink.ts";
import { SourceError } from "../contract/source.ts";
import type { LogFields, Logger } from "../platform/log/logger.ts";

/** Changes what a part says: the names of settings into the operator's names, and what nobody may see. */
export type Naming = (text: string) => string;

/**
 * The part, whose errors are told by this naming, with some of its members replaced. What it does not have it
 * does not get.
 */
export function told<T extends object>(part: T, named: Naming, replaced: Partial<T> = {}): T {
  return new Proxy(part, {
    get(target, name) {
      const member = (replaced as Record<PropertyKey, unknown>)[name] ?? Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        try {
          const result: unknown = member.apply(target, given);
          return result instanceof Promise ? result.catch((error) => rethrow(error, named)) : result;
        } catch (error) {
          return rethrow(error, named);
        }
      };
    },
  });
}

/** A logger for a part that is told of by this naming. */
export function toldLogger(logger: Logger, named: Naming): Logger {
  const told = (fields: LogFields = {}) =>
    Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [key, typeof value === "string" ? named(value) : value]),
    );
  return {
    debug: (message, fields) => logger.debug(named(message), told(fields)),
    info: (message, fields) => logger.info(named(message), told(fields)),
    warn: (message, fields) => logger.warn(named(message), told(fields)),
    error: (message, fields) => logger.error(named(message), told(fields)),
    child: (component) => toldLogger(logger.child(component), named),
  };
}

function rethrow(error: unknown, named: Naming): never {
  if (error instanceof SourceError || error instanceof SinkError) error.message = named(error.message);
  throw error;
}
