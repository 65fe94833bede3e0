/** What `tests/fixtures/record_pushes.ts` has recorded of real clients. */
export const RECORDINGS = new URL("../fixtures/pushes.json", import.meta.url);

/** The token that the clients had. */
export const RECORDED_TOKEN = "secret";
export const RECORDED_TIME_S = 1_699_999_000;
/** What Telegraf was given. */
export const RECORDED_LINE = `press,line=4 f=21.5,ok=true,count=3i,state="on" ${RECORDED_TIME_S}000000000`;
/** How many points the collector was given. */
export const RECORDED_POINTS = 3;

/** A POST. */
export interface RecordedPush {
  /** With its query. */
  readonly path: string;
  readonly headers: [name: string, value: string][];
  /** Base64. */
  readonly body: string;
}

export async function recordedPushes(): Promise<RecordedPush[]> {
  return JSON.parse(await Deno.readTextFile(RECORDINGS));
}
