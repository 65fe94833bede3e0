/** Replaces a method, also a private one, and returns the function that restores it. */
export function replace(
  owner: { prototype: object },
  method: string,
  // deno-lint-ignore no-explicit-any -- methods of any shape, private ones among them
  make: (original: (this: any, ...values: any[]) => any) => (this: any, ...values: any[]) => any,
): () => void {
  // deno-lint-ignore no-explicit-any
  const prototype = owner.prototype as any;
  const original = prototype[method];
  if (typeof original !== "function") throw new Error(`there is no ${method} any more to be broken`);
  prototype[method] = make(original);
  return () => prototype[method] = original;
}
