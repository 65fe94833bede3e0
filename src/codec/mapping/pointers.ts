import type { EventMapping } from "./event_mapping.ts";
import type { Pointer, Template } from "./template.ts";

/** Everything that a mapping points to, except the value. */
export function otherPointers({ name, timestamp, function: aggFunc, id, labels }: EventMapping): Pointer[] {
  const hasRules = typeof labels === "object" && !("tokens" in labels);
  const templates = [name, ...(hasRules ? labels.map(({ template }) => template) : [])];
  const inTemplates = templates.flatMap(pointersIn);
  const direct = [timestamp, aggFunc, id, labels];
  return [
    ...inTemplates,
    ...direct.filter((part): part is Pointer => typeof part === "object" && "tokens" in part),
  ];
}

/** What a template points to in a record. */
export function pointersIn({ parts }: Template): Pointer[] {
  return parts.flatMap((part) => typeof part === "object" && part.kind === "pointer" ? [part.pointer] : []);
}
