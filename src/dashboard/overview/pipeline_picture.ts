import type { VNode } from "preact";
import { html, type WithChildren } from "../html.ts";
import { EVENLY, type Pipeline, ratePerSecond } from "../pipeline.ts";
import { Flow } from "./flow.ts";
import { OutboxPart, WindowsPart } from "./middle_parts.ts";
import { SinkPart } from "./sink_part.ts";
import { SourcePart } from "./source_part.ts";

interface PictureProps {
  /** The newest one. */
  readonly pipeline: Pipeline;
  /** The last ones, that one included. */
  readonly pipelines: readonly Pipeline[];
}

/** The way of the events: sources, windows, outbox, sinks, with what flows between them. */
export function PipelinePicture({ pipeline, pipelines }: PictureProps): VNode {
  const { sinks, sources } = pipeline;
  const isHeld = sources.some(({ state }) => state === "held");
  const received = ratePerSecond(
    pipelines,
    (one) => one.sources.reduce((sum, source) => sum + source.received_total, 0),
    EVENLY,
  );
  const closed = pipeline.outbox.closed_per_second ?? undefined;
  const delivered = sinks.map((sink) => sink.delivered_per_second ?? undefined)
    .reduce((sum, one) => sum === undefined || one === undefined ? undefined : sum + one, 0);
  const isStuck = sinks.length > 0 && sinks.every(({ state }) => state !== "delivering");
  return html`
    <section class="card" aria-labelledby="pipeline-heading">
      <h2 id="pipeline-heading">Pipeline</h2>
      <ol class="pipeline">
        <${Stage} name="Sources">
          ${sources.map((source) =>
            html`
              <${SourcePart} key=${source.name} source=${source} pipelines=${pipelines} />
            `
          )}
        <//>
        <${Flow} noun="events" perSecond=${received} isBlocked=${isHeld} />
        <${Stage} name="Windows"><${WindowsPart} pipeline=${pipeline} /><//>
        <${Flow} noun="aggregates" perSecond=${closed} isBlocked=${false} />
        <${Stage} name="Outbox"><${OutboxPart} pipeline=${pipeline} /><//>
        <${Flow} noun="aggregates" perSecond=${delivered} isBlocked=${isStuck} />
        <${Stage} name="Sinks">
          ${sinks.map((sink) => html`<${SinkPart} key=${sink.name} sink=${sink} pipelines=${pipelines} />`)}
        <//>
      </ol>
    </section>
  `;
}

function Stage({ children, name }: WithChildren & { readonly name: string }): VNode {
  return html`<li class="stage" aria-label=${name}>${children}</li>`;
}
