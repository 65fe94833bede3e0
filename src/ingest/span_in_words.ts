/** A span of time as an operator reads it, such as `5.1 h`. Milliseconds. */
export function spanInWords(ms: number): string {
  if (!Number.isFinite(ms)) return "an unknown time";
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 360) / 10} h`;
  return `${Math.round(seconds / 86_400).toLocaleString("en")} days`;
}
