import { sinkConnector } from "../../contract/connector.ts";
import { StdoutSink } from "./stdout_sink.ts";

export const STDOUT = sinkConnector({
  kind: "stdout",
  title: "stdout",
  note: "stdout writes one JSON line an aggregate",
  settings: {},
  configure: () => ({}),
  targetsOf: () => ["stdout"],
  writesToStdout: true,
  flink: () => ({
    rows: "json",
    options: [["connector", "print"]],
    notes: ["The lines are in the output of the TaskManagers, each with the name of its series before it."],
  }),
  create: (_, { id, instance }) =>
    new StdoutSink({ id, instance, write: (bytes) => Deno.stdout.write(bytes) }),
});
