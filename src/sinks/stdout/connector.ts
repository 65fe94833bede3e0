import { sinkConnector } from "../../contract/connector.ts";

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
  async create(_, { id, instance }) {
    const { StdoutSink } = await import("./stdout_sink.ts");
    return new StdoutSink({ id, instance, write: (bytes) => Deno.stdout.write(bytes) });
  },
});
