/** A platform of a release. */
export interface Platform {
  /** Its name for `deno compile --target`. */
  readonly target: string;
  /** Name of the executable in the release. `install.sh` makes the same name from `uname`. */
  readonly fileName: string;
}

export const PLATFORMS: readonly Platform[] = [
  { target: "x86_64-unknown-linux-gnu", fileName: "vabus-data-handler-linux-x64" },
  { target: "aarch64-unknown-linux-gnu", fileName: "vabus-data-handler-linux-arm64" },
  { target: "x86_64-apple-darwin", fileName: "vabus-data-handler-macos-x64" },
  { target: "aarch64-apple-darwin", fileName: "vabus-data-handler-macos-arm64" },
  { target: "x86_64-pc-windows-msvc", fileName: "vabus-data-handler-windows-x64.exe" },
];

/** @throws where there is no release for this platform. */
export function platformHere(): Platform {
  const found = PLATFORMS.find(({ target }) => target === Deno.build.target);
  if (!found) throw new Error(`There are no releases for ${Deno.build.target}.`);
  return found;
}
