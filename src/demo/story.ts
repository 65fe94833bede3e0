import { ACTS } from "./acts.ts";
import type { DemoScreen } from "./screen.ts";
import type { Stage } from "./stage.ts";
import { terminalStyle } from "../platform/terminal/style.ts";

/**
 * Plays acts of the story, and says before each one what happens and after it what came of it.
 *
 * @param chosen Numbers of acts, from 1.
 * @param prove Shows the proof, once the acts are over.
 */
export async function playStory(
  chosen: readonly number[],
  stage: Stage,
  screen: DemoScreen,
  prove: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { notable, strong } = terminalStyle();
  for (const number of chosen) {
    const act = ACTS[number - 1]!;
    screen.say(`\nAct ${number} of ${ACTS.length}: ${act.title}\n`, strong);
    screen.say(`  happens   ${act.happens}\n  look at   ${act.look}\n  proves    ${act.proves}\n\n`);
    const outcome = await act.play(stage, signal);
    if (signal.aborted) return;
    screen.say(`  outcome   ${outcome.replaceAll("\n", `\n${" ".repeat(12)}`)}\n`, notable);
  }
  if (chosen.length === 0) return;
  screen.say("\nThe proof so far (`verify`):\n");
  try {
    await prove();
  } catch (error) {
    // The demo ends before the proof is complete. It ends with one of its own.
    if (!signal.aborted) throw error;
  }
  if (!signal.aborted) screen.say(THE_END);
}

const THE_END = "\nThat was the story. Events go on until Ctrl-C, which ends with a last proof.\n\n";
