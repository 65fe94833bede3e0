/** What the runtime says that it has refused, and the flag that it advises, which the program has not. */
const DENIAL = /Requires (?:all )?(\S+ access(?: to ".*?")?)(?:, run again with the --\S+ flag)?/s;

const DENIED = "this program has no";

/** Whether a message says that the runtime has refused something: then no server is at fault. */
export function saysDenial(message: string): boolean {
  return message.includes(DENIED);
}

/** What the runtime has refused, as text for the operator; undefined: the error is another one. */
export function denialOf(error: unknown): string | undefined {
  return error instanceof Deno.errors.NotCapable ? denialIn(error.message) ?? error.message : undefined;
}

/** An error's message, for the operator. Where the runtime has refused something, it says what. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return denialIn(message) ?? message;
}

function denialIn(message: string): string | undefined {
  const refused = DENIAL.exec(message)?.[1];
  return refused &&
    `${DENIED} ${refused}. It is kept from secrets and directories of the system, from ` +
      "keys in home directories and from the metadata address of a cloud; where this is none of " +
      "them, start the executable itself, which has the permissions of Deno that it is built with";
}
