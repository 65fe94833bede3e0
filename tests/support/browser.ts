/** A real browser for the tests of the dashboard. */
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { chromiumBinary, hasChromium } from "../../scripts/servers.ts";
import { PATIENCE_MS, until } from "./executable.ts";

/** Whether there is a Chromium. Where there is none, the tests that need it are left out. */
export const isChromiumHere: boolean = await hasChromium();

const LATE_MS = 200;

/**
 * Run within a page: a new address takes effect late, and the handler's answers come late, as on a slow
 * line. So a test that is content with what the page showed before is red each time. `heard.waiting` is how
 * many of them are still to be shown.
 */
function hearLate(milliseconds: number): void {
  const heard = { waiting: 0 };
  Object.assign(globalThis, { heard });
  // What follows from it is shown before the next task.
  const shown = () => void setTimeout(() => heard.waiting--);
  const ask = globalThis.fetch;
  globalThis.fetch = (...request) => {
    heard.waiting++;
    const answer = new Promise<Response>((answered, failed) =>
      void setTimeout(() => ask(...request).then(answered, failed), milliseconds)
    );
    return answer.finally(shown);
  };
  const listen = globalThis.addEventListener;
  globalThis.addEventListener = (type: string, listener: EventListenerOrEventListenerObject) => {
    const follow = listener as EventListener;
    const late = (event: Event) => {
      heard.waiting++;
      setTimeout(() => {
        follow(event);
        shown();
      }, milliseconds);
    };
    listen(type, type === "hashchange" ? late : follow);
  };
}

/** Chromium without a window. Leaving its scope (`await using`) ends it. */
export class TestBrowser implements AsyncDisposable {
  private constructor(private readonly browser: Browser, private readonly lateMs: number) {}

  /** @param lateMs How much later than it could a page hears; 0 where time is measured or played. */
  static async start(lateMs = LATE_MS): Promise<TestBrowser> {
    const browser = await chromium.launch({
      executablePath: `/usr/bin/${await chromiumBinary()}`,
      // The sandbox refuses to run for root. The only pages are those of the handler under test.
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
      timeout: PATIENCE_MS,
    });
    return new TestBrowser(browser, lateMs);
  }

  /** A page with cookies and a cache of its own. */
  async open(options: BrowserContextOptions = {}): Promise<TestPage> {
    const context = await this.browser.newContext(options);
    context.setDefaultTimeout(PATIENCE_MS);
    if (this.lateMs > 0) await context.addInitScript(hearLate, this.lateMs);
    return new TestPage(await context.newPage());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
  }
}

/** What a page keeps, after its garbage was collected. */
export interface PageMemory {
  readonly heapBytes: number;
  /** Nodes in the document. */
  readonly nodes: number;
  /** Nodes that scripts still hold are among them. */
  readonly nodesKept: number;
  readonly listeners: number;
}

/** A page, and what its scripts complained about. Leaving its scope (`await using`) closes it. */
export class TestPage implements AsyncDisposable {
  /** Errors and warnings in the console, and errors that nobody caught. */
  readonly complaints: string[] = [];

  constructor(readonly page: Page) {
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(`${error}`));
  }

  /** Goes to an address within the page, `#/…`, and waits until that is what the page shows. */
  async go(address: string): Promise<void> {
    await this.changeAddress(`location.hash = ${JSON.stringify(address)}`);
  }

  /** Goes back to the address before, as {@link go} goes on. */
  async back(): Promise<void> {
    await this.changeAddress("history.back()");
  }

  /** Only for pages that hear late. */
  private async changeAddress(how: string): Promise<void> {
    await this.page.evaluate(`new Promise((changed) => {
      onhashchange = () => changed();
      ${how};
    })`);
    await until(() => this.page.evaluate<boolean>("heard.waiting === 0"), "the new view");
  }

  /**
   * What axe-core finds wrong, each as its rule and the elements, and lists and cells with nothing in them;
   * empty: nothing.
   */
  async barriers(): Promise<string[]> {
    // The page's rules forbid scripts of others, so it comes by the protocol of the browser's own tools.
    await this.page.evaluate(axe.source);
    const found = await this.page.evaluate(async () => {
      const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    });
    const empty = await this.page.evaluate<string[]>(`{
      const lists = [...document.querySelectorAll("ul:empty, ol:empty, dl:empty, tbody:empty, td:empty")];
      lists.map((list) => "empty: " + list.parentElement.outerHTML);
    }`);
    return [...found, ...empty];
  }

  async memory(): Promise<PageMemory> {
    const tools = await this.page.context().newCDPSession(this.page);
    await tools.send("HeapProfiler.collectGarbage");
    const { usedSize: heapBytes } = await tools.send("Runtime.getHeapUsage");
    const { nodes: nodesKept, jsEventListeners: listeners } = await tools.send("Memory.getDOMCounters");
    await tools.detach();
    const nodes = await this.page.evaluate<number>(`{
      const walker = document.createTreeWalker(document);
      let nodes = 1;
      while (walker.nextNode()) nodes++;
      nodes;
    }`);
    return { heapBytes, nodes, nodesKept, listeners };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}
