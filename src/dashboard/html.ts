import htm from "htm";
import { type ComponentChildren, h, type VNode } from "preact";

type Template = (strings: TemplateStringsArray, ...values: unknown[]) => VNode;

/** Writes elements as HTML. A template has one root element. */
export const html = (htm as unknown as { bind(create: typeof h): Template }).bind(h);

/** The properties of a component that shows others within itself. */
export interface WithChildren {
  readonly children?: ComponentChildren;
}
