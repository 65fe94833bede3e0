import { SinkError } from "../contract/sink.ts";

/**
 * A sink, or the place that its rows are read back from, whose errors say the names that its settings have for the operator. The sink
 * itself knows those of its kind.
 */
export function withOwnNames<T extends object>(part: T, named: (text: string) => string): T {
  const renamed = (error: unknown): never => {
    if (error instanceof SinkError) error.message = named(error.message);
    throw error;
  };
  return new Proxy(part, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const result: unknown = value.apply(target, args);
        return result instanceof Promise ? result.catch(renamed) : result;
      };
    },
  });
}
