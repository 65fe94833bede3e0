import type { Catalogue } from "./catalogue.ts";
import { isReadFromFile, type Variable } from "./variable.ts";

type Schema = Readonly<Record<string, unknown>>;

/**
 * A JSON Schema of all settings, for editors and for charts: an object of variables, each a string. It says
 * which variables there are and what they mean. Only `check` can tell whether the values are valid, alone and
 * together.
 */
export function jsonSchema(catalogue: Catalogue): Schema {
  const properties: Record<string, Schema> = {};
  const ofNamedSinks: Record<string, Schema> = {};
  for (const [name, { variable, sink }] of catalogue.entries) {
    for (const [given, schema] of schemasOf(name, variable)) {
      properties[given] = schema;
      if (sink !== undefined) ofNamedSinks[`^[A-Z][A-Z0-9_]*_${given}$`] = schema;
    }
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Settings of VaBus Data Handler",
    description:
      "Environment variables, all of them text. A sink with an id has the settings of its kind with " +
      "the id before them.",
    type: "object",
    properties,
    patternProperties: ofNamedSinks,
  };
}

/** The schemas of a variable and of the variable that names its file. */
function schemasOf(name: string, variable: Variable<unknown>): [name: string, schema: Schema][] {
  const { help, example, default: value, defaultText, secret, atStart, type } = variable;
  const sentences = [
    help,
    type.allowed,
    ...(defaultText === undefined ? [] : [`Default: ${defaultText}`]),
    ...(atStart ? ["A change takes a restart"] : []),
  ];
  const schema = {
    type: "string",
    description: sentences.map((text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`).join(" "),
    ...(type.words && { enum: type.words }),
    ...(value !== undefined && { default: value }),
    ...(secret ? { writeOnly: true } : { examples: [example] }),
  };
  if (!isReadFromFile(variable)) return [[name, schema]];
  return [[name, schema], [`${name}_FILE`, { type: "string", description: `File that holds ${name}.` }]];
}
