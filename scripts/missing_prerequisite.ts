/** Something is missing. The message says what, and what to do, for the person who runs the tests. */
export class MissingPrerequisite extends Error {
  override name = "MissingPrerequisite";
}
