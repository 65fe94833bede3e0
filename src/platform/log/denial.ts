/**
 * What the runtime has refused, as text for the operator; undefined: the error is another one. The runtime's
 * own message ends in advice about flags that the built program does not take.
 */
export function denialOf(error: unknown): string | undefined {
  if (!(error instanceof Deno.errors.NotCapable)) return undefined;
  const wanted = error.message.split(", run again")[0]!.replace(/^Requires (all )?/, "");
  return `this program has no ${wanted}. It is kept from secrets and directories of the system, from ` +
    "keys in home directories and from the metadata address of a cloud; where this is none of " +
    "them, start the executable itself, which has the permissions of Deno that it is built with";
}
