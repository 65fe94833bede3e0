import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";

export type { Attributes, SpanContext };

/** What a span does, seen from the other side: it takes in, passes on, or is work of its own. */
export type Role = "consumer" | "producer" | "internal";

export interface SpanStart {
  readonly role: Role;
  /** Unix ms. */
  readonly startMs: number;
  readonly attributes: Attributes;
  /** The span that it is a part of; left out: it begins a trace of its own. */
  readonly parent?: SpanContext | undefined;
  /** Spans of other traces that it continues. */
  readonly links?: readonly SpanContext[];
}

/** A span that has begun. */
export interface TracedSpan {
  readonly context: SpanContext;
  /** Whether it is recorded. One that is not costs next to nothing. */
  readonly isSampled: boolean;
  /** Does the work within the span: log lines that are written meanwhile name it. */
  during<T>(work: () => T): T;
  /**
   * @param endMs Unix ms.
   * @param failure Why the work has failed, without secrets; undefined: it has not.
   */
  end(endMs: number, attributes?: Attributes, failure?: string): void;
}

/** What carries the present span through asynchronous work. */
export interface ContextKeeper {
  active(): Context;
  with<T>(context: Context, work: () => T): T;
}

const KINDS: Readonly<Record<Role, SpanKind>> = {
  consumer: SpanKind.CONSUMER,
  producer: SpanKind.PRODUCER,
  internal: SpanKind.INTERNAL,
};

/** Begins spans. Where tracing is off there is none, so that nothing is spent on it. */
export class Tracing {
  constructor(private readonly tracer: Tracer, private readonly keeper: ContextKeeper) {}

  begin(name: string, { role, startMs, attributes, parent, links = [] }: SpanStart): TracedSpan {
    const above = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    const span = this.tracer.startSpan(name, {
      kind: KINDS[role],
      startTime: startMs,
      attributes,
      links: links.map((context) => ({ context })),
    }, above);
    return new BegunSpan(span, this.keeper);
  }

  /** The span of the work that is being done; undefined: it has none. */
  active(): SpanContext | undefined {
    return trace.getSpanContext(this.keeper.active());
  }
}

class BegunSpan implements TracedSpan {
  readonly context: SpanContext;

  constructor(private readonly span: Span, private readonly keeper: ContextKeeper) {
    this.context = span.spanContext();
  }

  get isSampled(): boolean {
    return (this.context.traceFlags & TraceFlags.SAMPLED) !== 0;
  }

  during<T>(work: () => T): T {
    return this.keeper.with(trace.setSpan(ROOT_CONTEXT, this.span), work);
  }

  end(endMs: number, attributes: Attributes = {}, failure?: string): void {
    this.span.setAttributes(attributes);
    if (failure !== undefined) this.span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    this.span.end(endMs);
  }
}
