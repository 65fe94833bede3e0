/** A promise of the product was broken in a simulation. */
export class Violation extends Error {
  override readonly name = "Violation";
}
