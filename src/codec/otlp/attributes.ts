import { SERIES_MAX_BYTES } from "../../event/labels.ts";
import { PushError } from "../push_error.ts";
import { PushedLabels } from "../pushed_events.ts";
import { type JsonObject, listIn, objectIn, textIn } from "./json_value.ts";

/**
 * Attributes of a resource that tell of the process and not of what it measures. They are long, or change
 * with each start, and every start would begin new series.
 */
const OF_PROCESS = /^(?:telemetry|process|os)\./;

/** Of values within values. */
const DEPTH_MAX = 8;

export function resourceLabels(resource: unknown): PushedLabels {
  const labels = new PushedLabels();
  addAll(labels, objectIn(resource, "resource").attributes, (key) => !OF_PROCESS.test(key));
  return labels;
}

/** Labels of a point: its own attributes, and those of the resource that it does not have. */
export function pointLabels(attributes: unknown, resource: PushedLabels): PushedLabels {
  const labels = new PushedLabels();
  addAll(labels, attributes, () => true);
  labels.inherit(resource);
  return labels;
}

function addAll(labels: PushedLabels, attributes: unknown, isLabel: (key: string) => boolean): void {
  for (const attribute of listIn(attributes, "attributes")) {
    const { key, value } = objectIn(attribute, "an attribute");
    const label = textIn(key, "the key of an attribute");
    if (isLabel(label)) labels.add(label, valueText(objectIn(value, "the value of an attribute")));
    if (labels.problem !== undefined) return;
  }
}

/** Text and numbers as they are; lists and maps as JSON. */
function valueText(value: JsonObject): string {
  const plain = plainOf(value, 0);
  if (typeof plain === "string") return plain;
  const text = plain === null ? "" : JSON.stringify(plain);
  // Longer ones fit into no series; what is cut is still too long.
  return text.slice(0, SERIES_MAX_BYTES + 1);
}

function plainOf(value: JsonObject, depth: number): unknown {
  if (depth > DEPTH_MAX) {
    throw new PushError(400, `the value of an attribute is more than ${DEPTH_MAX} levels deep`);
  }
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value;
  const text = stringValue ?? bytesValue;
  if (text !== undefined && text !== null) return textIn(text, "the text of an attribute");
  if (typeof boolValue === "boolean") return boolValue;
  // All digits of a whole number are kept, in whichever way it is written.
  if (typeof intValue === "number" || (typeof intValue === "string" && /^-?\d{1,20}$/.test(intValue))) {
    return String(intValue);
  }
  if (typeof doubleValue === "number" || typeof doubleValue === "string") return String(doubleValue);
  if (arrayValue !== undefined && arrayValue !== null) {
    const { values } = objectIn(arrayValue, "arrayValue");
    return listIn(values, "values").map((item) => plainOf(objectIn(item, "a value"), depth + 1));
  }
  if (kvlistValue !== undefined && kvlistValue !== null) {
    const { values } = objectIn(kvlistValue, "kvlistValue");
    return Object.fromEntries(
      listIn(values, "values").map((item) => {
        const { key, value } = objectIn(item, "a pair");
        return [textIn(key, "a key"), plainOf(objectIn(value, "a value"), depth + 1)];
      }),
    );
  }
  return null;
}
