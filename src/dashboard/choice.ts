import type { VNode } from "preact";
import { html } from "./html.ts";
import { linkTo, useViewLocation } from "./location.ts";

interface ChoiceProps {
  readonly label: string;
  /** The parameter of the address that it sets. */
  readonly parameter: string;
  readonly chosen: string;
  readonly options: readonly (readonly [value: string, text: string])[];
}

/** A choice between a few, each of them a link. */
export function Choice({ chosen, label, options, parameter }: ChoiceProps): VNode {
  const { parameters, path } = useViewLocation();
  return html`
    <div class="choice" role="group" aria-label=${label}>
      ${options.map(([value, text]) =>
        html`
          <a
            key=${value}
            href=${linkTo(path, { ...parameters, [parameter]: value })}
            aria-current=${value === chosen ? "true" : undefined}
          >${text}</a>
        `
      )}
    </div>
  `;
}
