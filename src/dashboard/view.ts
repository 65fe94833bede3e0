import type { ComponentType } from "preact";

/** A part of the page with an address of its own. */
export interface View {
  /** In the address; "": the one that is shown first. */
  readonly path: string;
  /** In the navigation and as the heading. */
  readonly title: string;
  readonly component: ComponentType;
}
