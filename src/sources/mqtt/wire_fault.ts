/** What a broker has sent breaks the protocol. The message goes on after "the broker ". */
export class WireFault extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = "WireFault";
  }
}
