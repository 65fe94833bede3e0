/** A message on a bus, which has a name of its own: so a table shows how often it was counted. */
export interface WireEvent {
  readonly name: string;
  /** Its payload. */
  readonly text: string;
  /** Whether it is no event by the rules of the contract. */
  readonly isGarbled: boolean;
  /** How often the server has sent it. */
  sentCount: number;
  /** Whether the server has removed it, or never had it, so that it may be missing. */
  isGone: boolean;
  /**
   * Whether it may be missing without being told: the server has removed it before the handler had anything
   * of the bus on disk.
   */
  isUnknown: boolean;
}

export function wireEvent(number: number, timeMs: number, isGarbled: boolean): WireEvent {
  const name = `e${number}`;
  const value = isGarbled ? `"none"` : "1";
  return {
    name,
    text: `{"name":"${name}","value":${value},"timestamp":${timeMs / 1000},"agg_func":"sum"}`,
    isGarbled,
    sentCount: 0,
    isGone: false,
    isUnknown: false,
  };
}
