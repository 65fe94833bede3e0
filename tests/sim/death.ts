/** Thrown where a process dies in the middle of what it does. */
export class Death extends Error {
  override readonly name = "Death";
}
