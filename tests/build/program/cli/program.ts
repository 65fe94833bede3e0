/** A small program to build: says what it was given, or waits for SIGTERM. */
import process from "node:process";
import { COMMIT, VERSION } from "../../../../src/version.ts";

const [command, ...args] = process.argv.slice(2);
if (command === "wait") {
  process.once("SIGTERM", () => process.exit(42));
  setInterval(() => {}, 1000);
  console.log("ready");
} else {
  const path = process.argv[1];
  console.log(JSON.stringify({ command, args, version: VERSION, commit: COMMIT, pid: process.pid, path }));
  process.exit(7);
}
