import type { Measure, Sample } from "./sample.ts";

/**
 * What may be between the early peak and the late one: garbage that is not yet collected, a sink that is just
 * away.
 */
const MARGINS: Readonly<Record<Measure, { readonly factor: number; readonly more: number }>> = {
  resident: { factor: 1.2, more: 30e6 },
  busResident: { factor: 1.2, more: 60e6 },
  descriptors: { factor: 1, more: 4 },
  state: { factor: 1.3, more: 20e6 },
  stateLog: { factor: 1.3, more: 20e6 },
  sink: { factor: 1.3, more: 20e6 },
  sinkLog: { factor: 1.3, more: 20e6 },
};

export interface Finding {
  readonly measure: Measure;
  /** Greatest in the second quarter of the samples; the first one is for warming up. */
  readonly early: number;
  /** Greatest in the last quarter. */
  readonly late: number;
  readonly isFlat: boolean;
}

/** Whether each measure has stopped growing: its late peak against its early one. */
export function judge(samples: readonly Sample[]): Finding[] {
  const quarter = Math.floor(samples.length / 4);
  const peak = (measure: Measure, part: readonly Sample[]) =>
    part.reduce((most, sample) => Math.max(most, sample[measure]), 0);
  return (Object.keys(MARGINS) as Measure[]).map((measure) => {
    const early = peak(measure, samples.slice(quarter, 2 * quarter));
    const late = peak(measure, samples.slice(-quarter));
    const { factor, more } = MARGINS[measure];
    return { measure, early, late, isFlat: late <= early * factor + more };
  });
}
