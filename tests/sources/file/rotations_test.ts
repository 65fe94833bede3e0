/** Followed files: each line is read once, whatever rotations and restarts come in whatever order. */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { Follower, LONG_MS, Writer } from "./followed_directory.ts";
import { inDirectory } from "./written_files.ts";

const RUNS = 60;

const ACTIONS = [
  "append",
  "open line",
  "rotate",
  "rename away",
  "there and back",
  "copy back",
  "replace",
  "copy and truncate",
  "delete",
  "hard link",
  "symbolic link",
  "look",
  "wait",
  "read some",
  "read all",
  "restart",
] as const;

const STEP = fc.record({
  action: fc.constantFrom(...ACTIONS),
  /** Lines. */
  count: fc.integer({ min: 0, max: 9 }),
  hasBanner: fc.boolean(),
});
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

/** Of a file that was not begun before its name goes, nobody can know after another start. */
async function begin(writer: Writer, follower: Follower): Promise<void> {
  if (writer.isCopied) return await settle(writer, follower);
  await follower.look();
  await follower.read(1);
}

async function take({ action, count, hasBanner }: Step, writer: Writer, follower: Follower): Promise<void> {
  switch (action) {
    case "append":
      return await writer.append(count);
    case "open line":
      return await writer.appendOpenLine();
    case "rotate":
    case "rename away":
      await begin(writer, follower);
      // Under a name that matches, a last line waits for its end.
      if (action === "rotate") await writer.endLine();
      await writer.rename(action === "rotate" ? writer.rotatedName() : writer.awayName(), count);
      return await writer.create(count, hasBanner);
    case "there and back":
      return await writer.moveThereAndBack(() => follower.look(hasBanner ? LONG_MS : 1000));
    case "copy back":
      return await writer.copyBack();
    case "replace":
      return await writer.replace(count);
    case "copy and truncate":
    case "delete":
      // What was not read before is lost.
      await begin(writer, follower);
      await writer.append(1);
      await settle(writer, follower);
      await (action === "delete" ? writer.delete() : writer.truncate());
      return await writer.create(count, hasBanner);
    case "hard link":
    case "symbolic link":
      return await writer.link(() => follower.look(), action === "symbolic link");
    case "look":
      return await follower.look();
    case "wait":
      return await follower.look(LONG_MS);
    case "read some":
      return await follower.read(count);
    case "read all":
      return await follower.read();
    case "restart":
      await follower.stop();
      return await follower.start();
  }
}

/** Reads all that there is, also of files that somebody may still write to. */
async function settle(writer: Writer, follower: Follower): Promise<void> {
  writer.isCopied = false;
  for (let i = 0; i < 4; i++) {
    await follower.read();
    await follower.look(LONG_MS);
  }
  await follower.read();
}

for (
  const [kind, pattern, rotated] of [
    ["to names that no pattern matches", "app.log", (number: number) => `old.${number}`],
    ["to names that the pattern matches", "app.log*", (number: number) => `app.log.${number}`],
  ] as const
) {
  Deno.test(`files are rotated ${kind}: each line is read once`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(STEP, { minLength: 1, maxLength: 25 }),
        (steps) =>
          inDirectory(async (directory) => {
            const writer = new Writer(directory, rotated);
            const follower = new Follower(`${directory}/${pattern}`);
            await writer.create(2, false);
            await follower.start();
            for (const step of steps) await take(step, writer, follower);
            await writer.append(1);
            await settle(writer, follower);
            await follower.stop();
            const numbers = follower.lines.map((name) => Number(name.slice(1))).sort((a, b) => a - b);
            assert.deepEqual(numbers, Array.from({ length: writer.written }, (_, i) => i));
          }),
      ),
      { numRuns: RUNS },
    );
  });
}
