/** A promise of the product that a simulation has seen broken. */
export class Violation extends Error {
  override readonly name = "Violation";
}
