/** A receiver of OTLP over HTTP, as JSON, that keeps what it gets. */

/** What the tests look at in a span of OTLP as JSON. */
export interface ReceivedSpan {
  readonly scope: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** "" where it has none. */
  readonly parentSpanId: string;
  readonly kind: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 2: an error. */
  readonly status: { readonly code?: number; readonly message?: string };
}

export interface ReceivedLog {
  readonly body: string;
  readonly severity: string;
  /** "" where it has none. */
  readonly traceId: string;
  readonly spanId: string;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Scoped {
  readonly scope?: { readonly name?: string };
}

interface Message {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly Attribute[] };
    readonly scopeSpans: readonly (Scoped & { readonly spans: readonly Record<string, unknown>[] })[];
  }[];
  readonly resourceLogs?: readonly {
    readonly scopeLogs: readonly (Scoped & { readonly logRecords: readonly Record<string, unknown>[] })[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly resource?: { readonly attributes?: readonly Attribute[] };
    readonly scopeMetrics: readonly (Scoped & { readonly metrics: readonly ReceivedMetric[] })[];
  }[];
}

export interface ReceivedMetric {
  readonly name: string;
  readonly unit?: string;
  readonly [kind: string]: unknown;
}

/** Leaving its scope closes it. */
export class OtlpReceiver implements AsyncDisposable {
  /** Each request: its path and headers. */
  readonly requests: { readonly path: string; readonly headers: Headers }[] = [];
  /** All bodies, as text. */
  text = "";
  private readonly messages: Message[] = [];
  private readonly server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      this.requests.push({ path: new URL(request.url).pathname, headers: request.headers });
      const stream = request.headers.get("content-encoding") === "gzip"
        ? request.body!.pipeThrough(new DecompressionStream("gzip"))
        : request.body;
      const text = await new Response(stream).text();
      this.text += text;
      this.messages.push(JSON.parse(text || "{}"));
      return Response.json({});
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.addr.port}`;
  }

  /** The attributes of the resource that the spans come from. */
  get resource(): Readonly<Record<string, unknown>> {
    return valuesOf(
      this.messages.flatMap(({ resourceSpans }) => resourceSpans ?? [])[0]?.resource?.attributes,
    );
  }

  /** The attributes of the resource that the metrics come from. */
  get metricsResource(): Readonly<Record<string, unknown>> {
    return valuesOf(
      this.messages.flatMap(({ resourceMetrics }) => resourceMetrics ?? [])[0]?.resource?.attributes,
    );
  }

  get spans(): ReceivedSpan[] {
    return this.messages.flatMap(({ resourceSpans }) => resourceSpans ?? [])
      .flatMap(({ scopeSpans }) => scopeSpans)
      .flatMap(({ scope, spans }) =>
        spans.map((span) => ({
          parentSpanId: "",
          links: [],
          status: {},
          ...span,
          scope: scope?.name ?? "",
          attributes: valuesOf(span.attributes as Attribute[] | undefined),
        } as unknown as ReceivedSpan))
      );
  }

  get logs(): ReceivedLog[] {
    return this.messages.flatMap(({ resourceLogs }) => resourceLogs ?? [])
      .flatMap(({ scopeLogs }) => scopeLogs)
      .flatMap(({ logRecords }) => logRecords)
      .map(({ body, severityText, traceId, spanId }) => ({
        body: (body as { stringValue: string }).stringValue,
        severity: severityText as string,
        traceId: (traceId as string | undefined) ?? "",
        spanId: (spanId as string | undefined) ?? "",
      }));
  }

  get metrics(): ReceivedMetric[] {
    return this.messages.flatMap(({ resourceMetrics }) => resourceMetrics ?? [])
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown();
  }
}

function valuesOf(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
