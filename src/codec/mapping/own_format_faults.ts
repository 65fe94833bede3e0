import { compileMapping, type MappingFault, type MappingTexts } from "./event_mapping.ts";

/** The formats of records that say their format themselves. */
export type OwnFormat = "json" | "influx";
const UNITS: Readonly<Record<OwnFormat, Pick<MappingTexts, "timeUnit">>> = {
  json: {},
  influx: { timeUnit: "ns" },
};

/** The texts for one of the formats. */
export function textsOfFormat(texts: MappingTexts, format: OwnFormat): MappingTexts {
  return { ...texts, format, ...UNITS[format] };
}

/** The faults of texts that none of the formats has a use for. */
export function faultsOfOwnFormats(texts: MappingTexts): readonly MappingFault[] {
  const [json, influx] = (["json", "influx"] as const).map((format) => {
    const compiled = compileMapping(textsOfFormat(texts, format));
    return "faults" in compiled ? compiled.faults : [];
  });
  return json!.filter(({ setting }) => influx!.some((other) => other.setting === setting));
}
