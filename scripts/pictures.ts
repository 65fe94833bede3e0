/**
 * Makes the pictures of the README from the demo of the built program, by a Chromium without a window:
 *
 *   scripts/deno.sh run -A scripts/pictures.ts
 *
 * It takes about a minute and a half, since each picture is taken in the act of the story that it shows.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContextOptions } from "playwright-core";
import { TestBrowser, type TestPage } from "../tests/support/browser.ts";
import { PATIENCE_MS, Program, until } from "../tests/support/executable.ts";

const DIRECTORY = fileURLToPath(new URL("../docs/pictures", import.meta.url));
const MAX_BYTES = 200 * 1024;
const DESKTOP: BrowserContextOptions = { viewport: { width: 1200, height: 800 }, colorScheme: "light" };
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 780 }, colorScheme: "light" };
const DARK: BrowserContextOptions = { ...DESKTOP, colorScheme: "dark" };
/** A sensor with several functions. */
const SERIES = "plant.line0.temperature.0";
/** So long that the outbox fills before the eyes. */
const ACT = "25";

/** A picture of the whole page, or of the section of that name. @throws {Error} It is too large. */
async function take({ page }: TestPage, name: string, section?: string): Promise<void> {
  const path = join(DIRECTORY, `${name}.png`);
  const { length } = section === undefined
    ? await page.screenshot({ path, animations: "disabled", fullPage: true })
    : await page.getByRole("region", { name: section, exact: true })
      .screenshot({ path, animations: "disabled" });
  if (length > MAX_BYTES) throw new Error(`${path} has ${length} bytes, ${MAX_BYTES} at most`);
  console.log(`${path}: ${Math.round(length / 1024)} KB`);
}

await Deno.mkdir(DIRECTORY, { recursive: true });
await using stack = new AsyncDisposableStack();
// An error of the outage shows its path.
const state = await Deno.makeTempDir({ prefix: "plant-" });
stack.defer(() => Deno.remove(state, { recursive: true }));
// The story goes on by the clock: what is slow to start has to be there before it begins.
await using browser = await TestBrowser.start(0);
await using desktop = await browser.open(DESKTOP);
await using dark = await browser.open(DARK);
await using phone = await browser.open(PHONE);
await using demo = Program.start(["demo", "--acts", "1,2,3", "--act-duration", ACT, "--state-dir", state]);
const told = (words: RegExp) => until(() => words.exec(demo.stdout), `${words}`, PATIENCE_MS, [demo]);
/** @throws {Error} The story is further on than the pictures. */
const isStillBefore = (act: number) => {
  if (demo.stdout.includes(`Act ${act} of`)) {
    throw new Error("this machine is too busy for the pictures: again");
  }
};
const [, url] = (await told(/^Dashboard: (\S+)\n/))!;
for (const { page } of [desktop, dark, phone]) await page.goto(url!);

// Three lines of totals are fifteen seconds: the windows of both lengths have closed by then.
await told(/(?:events\/s[^]*){3}/);
for (const { page } of [desktop, dark, phone]) {
  await page.getByRole("region", { name: "sqlite" }).getByText("delivering").waitFor();
}
await take(desktop, "demo");
await take(dark, "dark");
await take(phone, "phone");
isStillBefore(2);

await told(/Act 2[^]*(?:events\/s[^]*){3}/);
await desktop.page.goto(`${url}#/series?name=${SERIES}&span=900&tier=5`);
await desktop.page.reload();
await desktop.page.getByText("corrected by late events").first().waitFor();
await take(desktop, "correction", `Series ${SERIES}`);
isStillBefore(3);
await desktop.page.goto(`${url}#/`);

await told(/Act 3[^]*(?:events\/s[^]*){2}/);
await desktop.page.getByRole("region", { name: "sqlite" }).getByText("locked").first().waitFor();
await take(desktop, "outage");
await demo.stop();
