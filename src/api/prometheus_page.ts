import type { Histogram } from "../runtime/metric_collector.ts";

const PREFIX = "vabus_handler_";

export type Labels = Readonly<Record<string, string>>;
export type Sample = readonly [labels: Labels, value: number];

/** Metrics in the text format of Prometheus, version 0.0.4. Names get the prefix of the handler. */
export class PrometheusPage {
  text = "";

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.family(name, "counter", help);
    for (const [labels, value] of samples) this.sample(name, labels, value);
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.family(name, "gauge", help);
    for (const [labels, value] of samples) this.sample(name, labels, value);
  }

  histogram(name: string, help: string, samples: readonly (readonly [Labels, Histogram])[]): void {
    this.family(name, "histogram", help);
    for (const [labels, { bounds, counts, sum, count }] of samples) {
      let below = 0;
      bounds.forEach((bound, i) => {
        below += counts[i]!;
        this.sample(`${name}_bucket`, { ...labels, le: `${bound}` }, below);
      });
      this.sample(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
      this.sample(`${name}_sum`, labels, sum);
      this.sample(`${name}_count`, labels, count);
    }
  }

  private family(name: string, type: string, help: string): void {
    this.text += `# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${type}\n`;
  }

  private sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    this.text += `${PREFIX}${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}\n`;
  }
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
