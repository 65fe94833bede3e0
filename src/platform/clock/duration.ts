/** Milliseconds in each unit that a duration may have. */
export const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration in plain seconds or with its unit, as milliseconds; or what is wrong with the text. */
export function durationMs(text: string): number | string {
  const [, whole, decimals = "", unit = "s"] = /^(\d+)(?:\.(\d+))?([smhd])?$/.exec(text) ?? [];
  if (whole !== undefined) {
    const scaled = BigInt(whole + decimals) * BigInt(UNITS_MS[unit as keyof typeof UNITS_MS]);
    const scale = 10n ** BigInt(decimals.length);
    return scaled % scale === 0n ? Number(scaled / scale) : "is finer than a millisecond";
  }
  if (/^[-−]\s*[\d.]/.test(text)) return "is negative; a duration is not";
  if (/^\d+,\d+\s*[a-z]*$/i.test(text)) return "has a comma; decimals stand behind a point";
  if (/^[\d.]+\s*[^\d.]+$/.test(text)) {
    return "has a unit that is none of s, m, h and d, right behind the number";
  }
  return "is not a duration";
}
