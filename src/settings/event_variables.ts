import { anyText, choice } from "./value_type.ts";
import { optional } from "./variable.ts";

const EVENTS = "Events";

/** The settings that map a record to events. Each may also be a parameter of the URL of one bus. */
export const EVENTS_OF_RECORDS = {
  EVENT_FORMAT: optional(choice(["json", "value", "influx", "csv", "sparkplug"]), {
    group: EVENTS,
    help:
      "what a record is: JSON, one number, Influx line protocol, CSV with a header or (MQTT) Sparkplug B; " +
      "format= in the URL of one bus",
    example: "influx",
    atStart: true,
    defaultText: "json",
  }),
  EVENT_NAME: optional(
    anyText(
      "<template>",
      "text with holes: {/json/pointer}, {/column}, {column}, {path}, {measurement}, {field}, " +
        "{tag:NAME}, {group}, {node}, {device}, {metric}, {property:NAME}, {topic}, {topic[0]}, {key}",
    ),
    {
      group: EVENTS,
      help: "the name of an event; name= in the URL of one bus",
      example: "{/meta/machine}.{/sensor}",
      atStart: true,
      defaultText: "{/name}; influx: {measurement}.{field}; value: {topic}; sparkplug: {metric}",
    },
  ),
  EVENT_VALUE: optional(
    anyText("<pointer>", "a JSON Pointer, for CSV / and a column; or * for each number there is"),
    {
      group: EVENTS,
      help:
        "where the number is; booleans are 0 and 1, numbers in quotes are read; value= in the URL of one bus",
      example: "*",
      atStart: true,
      defaultText: "/value; influx: each field; sparkplug: each metric",
    },
  ),
  EVENT_TIMESTAMP: optional(
    anyText(
      "<pointer>",
      "a JSON Pointer, for CSV / and a column; or bus for when the bus got it, else when it arrived",
    ),
    {
      group: EVENTS,
      help: "where the time is; timestamp= in the URL of one bus",
      example: "/meta/ts",
      atStart: true,
      defaultText: "/timestamp; influx: that of the line; sparkplug: that of the metric; value: bus",
    },
  ),
  EVENT_TIME_UNIT: optional(choice(["s", "ms", "us", "ns", "rfc3339"]), {
    group: EVENTS,
    help: "how the time is written; time_unit= in the URL of one bus",
    example: "ms",
    atStart: true,
    defaultText: "s; influx: ns; sparkplug: ms",
  }),
  EVENT_FUNCTION: optional(anyText("<pointer>", "a JSON Pointer, for CSV / and a column"), {
    group: EVENTS,
    help: "where the function is, for events that name one; function= in the URL of one bus",
    example: "/meta/agg",
    atStart: true,
    defaultText: "/agg_func",
  }),
  EVENT_ID: optional(anyText("<pointer>", "a JSON Pointer, for CSV / and a column"), {
    group: EVENTS,
    help: "where the id is, by which duplicates are found; id= in the URL of one bus",
    example: "/uuid",
    atStart: true,
    defaultText: "/id",
  }),
  EVENT_LABELS: optional(
    anyText(
      "<labels>",
      "LABEL:/pointer or LABEL:{hole}, several with commas; for JSON also a pointer to an object of them",
    ),
    {
      group: EVENTS,
      help: "which labels a series has; others are left out, which is how one groups; labels= in the URL " +
        "of one bus",
      example: "site:/meta/site,line:{topic[1]}",
      atStart: true,
      defaultText: "/labels; influx: all tags; sparkplug: group, node and device; csv: none",
    },
  ),
};
