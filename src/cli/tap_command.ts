import { labelFilter } from "../event/series_filter.ts";
import { anyText, integer, parsedText } from "../settings/value_type.ts";
import { type AnyCommand, command } from "./command.ts";
import { single, singleOr, toggle } from "./option.ts";
import { JSON_LINES, LISTENER_URL, LISTENER_VARIABLES, STATE_VARIABLES } from "./shared_options.ts";
import { readerConfig } from "./whose_state.ts";

const LABELS = parsedText(
  "<labels>",
  'key:value,key:value, or a JSON object of texts such as {"line":"4"}',
  labelFilter,
);

export function tapCommand(): AnyCommand {
  return command({
    name: "tap",
    summary: "the events that come in, or the aggregates that leave, as they pass",
    details: "Shows what the running handler takes in, and which events it refuses and why, over its admin " +
      "listener. Where very much passes it is a sample, and says how much it leaves out. On a terminal " +
      "it prints lines for people, else JSON lines. Ctrl-C ends it.",
    examples: [
      ["tap --name 'oven.*'", "the events of these names"],
      ["tap --name 'oven.*' --aggregates", "their aggregates, and the sinks that they go to"],
      ["tap --labels line:4 --limit 10 --json", "ten events of line 4, for a program"],
      ["tap --url https://plant-7:8090", "of a handler on another host; the token is VIEWER_TOKEN"],
    ],
    concerns: [...LISTENER_VARIABLES, ...STATE_VARIABLES],
    options: {
      name: singleOr(
        "--name",
        anyText("<pattern>", "a pattern of names"),
        "*",
        "only these names; * stands for any characters",
      ),
      labels: single("--labels", LABELS, "only series that have these labels, among others"),
      aggregates: toggle("--aggregates", "the aggregates of windows that close, instead of events"),
      limit: single("--limit", integer(1, 1_000_000), "end when so many are shown"),
      json: JSON_LINES,
      url: LISTENER_URL,
    },
    configure: readerConfig,
    run: async (context, { labels = {}, ...options }) =>
      (await import("./tap.ts")).tap(context, { labels, ...options }),
  });
}
