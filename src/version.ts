/** What this program is: shown by `--version`, `check` and the metrics. */
export const VERSION = "0.1.0";

/** The commit it was built from; the build puts it in front of the bundle. */
export const COMMIT: string = (globalThis as { __VABUS_COMMIT__?: string }).__VABUS_COMMIT__ ?? "development";

/** When that commit was made, Unix ms: no honest clock is behind it. Undefined outside of a build. */
export const BUILT_AT_MS: number | undefined =
  (globalThis as { __VABUS_BUILT_AT_MS__?: number }).__VABUS_BUILT_AT_MS__;

/** Everything that a report of a fault should name, in one line. */
export function versionLine(): string {
  return `vabus-data-handler ${VERSION} (${COMMIT}), Deno ${Deno.version.deno}, ${Deno.build.target}`;
}
