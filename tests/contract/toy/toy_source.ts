import { scanReply } from "../../../src/codec/reply_scanner.ts";
import { sourceConnector } from "../../../src/contract/connector.ts";
import {
  type Outcome,
  type Partition,
  type Progress,
  type ReadRequest,
  type Source,
  type SourceContext,
  SourceError,
} from "../../../src/contract/source.ts";
import type { EventBatch } from "../../../src/event/event_batch.ts";
import { secretsOfUrl } from "../../../src/settings/mask.ts";
import { integer } from "../../../src/settings/value_type.ts";
import { withDefault } from "../../../src/settings/variable.ts";

interface ToyConfig {
  readonly url: string;
  /** Lines that are handed over at once. */
  readonly pace: number;
}

/** A file tells nobody that something was written to it. */
const LOOK_MS = 20;

/** A source that the program does not have: a file with one event per line that needs a password. */
export class ToySource implements Source {
  readonly id: string;

  constructor(readonly config: ToyConfig) {
    this.id = addressOf(config.url);
  }

  open(context: SourceContext): Promise<readonly Partition[]> {
    return Promise.resolve([new ToyPartition(this, context)]);
  }

  probe(): Promise<string> {
    return Promise.resolve(`${this.lines().length} lines`);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  lines(): string[] {
    const { pathname, password } = new URL(this.config.url);
    if (decodeURIComponent(password) !== "swordfish") {
      throw new SourceError("refused", `${this.id}: the password is not right`);
    }
    return Deno.readTextFileSync(decodeURI(pathname)).split("\n").filter((line) => line !== "");
  }
}

class ToyPartition implements Partition {
  readonly id = "";
  readonly replay = "from-position";
  readonly readMaxMs = 0;

  constructor(private readonly source: ToySource, private readonly context: SourceContext) {}

  async read(from: Progress, into: EventBatch, request: ReadRequest, signal: AbortSignal): Promise<Outcome> {
    const first = Number(from.position ?? 0);
    const lines = this.source.lines().slice(first, first + Math.min(request.limit, this.source.config.pace));
    const next = first + lines.length;
    const body = `{"log":"toy","offset":${first},"next":${next},"events":[${lines.join(",")}]}`;
    scanReply(new TextEncoder().encode(body), into);
    if (lines.length === 0) await this.context.clock.sleep(Math.min(request.waitMs, LOOK_MS), signal);
    return {
      kind: lines.length === 0 ? "idle" : "events",
      lineage: "toy",
      next: `${next}`,
      offset: next,
      lost: 0,
      decodeMs: 0,
    };
  }

  committed(): Promise<void> {
    return Promise.resolve();
  }
}

function addressOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `toy://${host}${pathname}`;
}

export const TOY_SOURCE = sourceConnector({
  kind: "toy",
  title: "Toy bus",
  schemes: { plain: ["toy"], tls: [] },
  urlForm: "toy://user:password@host/path",
  settings: {
    TOY_PACE: withDefault(integer(1, 1000), "1", { help: "lines at once", example: "10" }),
  },
  readUrl: (text) => URL.canParse(text) ? text : { problem: "is not the URL of a toy" },
  addressOf,
  configure: ({ values }, { url }): ToyConfig => ({ url, pace: values.TOY_PACE }),
  secretsOf: ({ url }) => secretsOfUrl(url),
  create: (config) => Promise.resolve({ part: new ToySource(config), change: () => {} }),
});
