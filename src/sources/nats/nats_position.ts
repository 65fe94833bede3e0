/** How far a stream was read. */
export interface NatsPosition {
  /** All messages up to this one were read, or are of other subjects. */
  readonly sequence: number;
  /** When the server got the last message that was read, Unix ns; undefined: none was. */
  readonly timeNs: bigint | undefined;
  /** The same of the youngest one: another than the last where the server's clock was set back. */
  readonly youngestNs: bigint | undefined;
}

const POSITION = /^(\d{1,16})(?: (\d{1,20})(?: (\d{1,20}))?)?$/;

export function positionText({ sequence, timeNs, youngestNs }: NatsPosition): string {
  if (timeNs === undefined) return `${sequence}`;
  return youngestNs === timeNs ? `${sequence} ${timeNs}` : `${sequence} ${timeNs} ${youngestNs}`;
}

/** What {@link positionText} has made; undefined: it has not made this. */
export function positionIn(text: string): NatsPosition | undefined {
  const [, sequence, time, youngest = time] = POSITION.exec(text) ?? [];
  if (sequence === undefined || !Number.isSafeInteger(Number(sequence))) return undefined;
  return { sequence: Number(sequence), timeNs: nsIn(time), youngestNs: nsIn(youngest) };
}

/** Before all that is behind a number, where nothing was read. */
export function unreadFrom(sequence: number): NatsPosition {
  return { sequence: sequence - 1, timeNs: undefined, youngestNs: undefined };
}

function nsIn(text: string | undefined): bigint | undefined {
  return text === undefined ? undefined : BigInt(text);
}
