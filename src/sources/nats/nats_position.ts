/** How far a stream was read. */
export interface NatsPosition {
  /** All messages up to this one were read, or are of other subjects. */
  readonly sequence: number;
  /** When the server got that message, Unix ns; undefined: it was not read. */
  readonly timeNs: bigint | undefined;
}

const POSITION = /^(\d{1,16})(?: (\d{1,20}))?$/;

export function positionText({ sequence, timeNs }: NatsPosition): string {
  return timeNs === undefined ? `${sequence}` : `${sequence} ${timeNs}`;
}

/** What {@link positionText} has made; undefined: it has not made this. */
export function positionIn(text: string): NatsPosition | undefined {
  const [, sequence, timeNs] = POSITION.exec(text) ?? [];
  if (sequence === undefined || !Number.isSafeInteger(Number(sequence))) return undefined;
  return { sequence: Number(sequence), timeNs: timeNs === undefined ? undefined : BigInt(timeNs) };
}
