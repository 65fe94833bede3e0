import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { type Parameters, queryOf } from "./api.ts";

/** Where in the page the user is. It stands in the address, so that a link shows the same. */
export interface ViewLocation {
  /** Of the view, such as `series`; "": the first one. */
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The location that the address names, which is in its fragment: `#/series?name=oven`. */
function locationOf(hash: string): ViewLocation {
  const [, path = "", query = ""] = /^#\/([\w-]*)\??(.*)$/.exec(hash) ?? [];
  return { path, parameters: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a location within the page, for `href`. */
export function linkTo(path: string, parameters: Parameters = {}): string {
  return `#/${path}${queryOf(parameters)}`;
}

/**
 * Changes some parameters of the present location; undefined or "" removes one. The way back skips what was
 * only typed.
 */
export function changeParameters(changes: Parameters): void {
  const { path, parameters } = locationOf(location.hash);
  history.replaceState(null, "", linkTo(path, { ...parameters, ...changes }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The location of the user, for all that is shown within {@link useAddress}. */
export const LocationContext = createContext<ViewLocation>({ path: "", parameters: {} });

/** The location of the user. */
export function useViewLocation(): ViewLocation {
  return useContext(LocationContext);
}

/** Follows the address of the page. Only for the root: hundreds of rows need the location, too. */
export function useAddress(): ViewLocation {
  const [current, setCurrent] = useState(() => locationOf(location.hash));
  useEffect(() => {
    const follow = () => setCurrent(locationOf(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return current;
}
