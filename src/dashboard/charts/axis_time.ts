/** As in `time_format.ts`: ISO 8601 in the viewer's zone. */
const LOCALE = "sv";
const SECOND = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(LOCALE, { month: "2-digit", day: "2-digit" });

/**
 * The text at a time on an axis; at the first of a day, the date.
 *
 * @param seconds Unix seconds.
 * @param stepSeconds From one text to the next.
 */
export function axisTimeText(seconds: number, stepSeconds: number): string {
  const time = new Date(seconds * 1000);
  if (
    stepSeconds >= 86_400 || (time.getHours() === 0 && time.getMinutes() === 0 && time.getSeconds() === 0)
  ) {
    return DAY.format(time);
  }
  return (stepSeconds < 60 ? SECOND : MINUTE).format(time);
}
