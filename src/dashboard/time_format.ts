import { countText } from "./number_format.ts";

/** Sweden writes times as ISO 8601 does, whatever the zone of the viewer. */
const LOCALE = "sv";
const CLOCK = new Intl.DateTimeFormat(LOCALE, { timeStyle: "medium" });
const DATE = new Intl.DateTimeFormat(LOCALE, { dateStyle: "short" });

/** A time in the viewer's zone: `14:05:09` of today, else `2026-11-27 14:05:09`. */
export function timeText(seconds: number, nowSeconds: number = Date.now() / 1000): string {
  const [time, now] = [new Date(seconds * 1000), new Date(nowSeconds * 1000)];
  const clock = CLOCK.format(time);
  return DATE.format(time) === DATE.format(now) ? clock : `${DATE.format(time)} ${clock}`;
}

/** A time in UTC: `2026-11-27T13:05:09Z`. */
export function utcText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.000Z$/, "Z");
}

const STEPS: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/** A duration by its two greatest units: `2 d 3 h`, `1 min 5 s`, `0.4 s`. */
export function durationText(seconds: number): string {
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "";
  if (size < 10) return `${sign}${Math.round(size * 10) / 10} s`;
  const rounded = Math.round(size);
  const first = STEPS.findIndex(([length]) => rounded >= length);
  const [[length, unit], next] = [STEPS[first]!, STEPS[first + 1]];
  const rest = next === undefined ? 0 : Math.floor((rounded % length) / next[0]);
  return `${sign}${countText(Math.floor(rounded / length))} ${unit}${
    rest === 0 ? "" : ` ${rest} ${next![1]}`
  }`;
}
