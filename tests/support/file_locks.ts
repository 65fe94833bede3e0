/** The POSIX locks of this process on a file, as the kernel of Linux lists them. */
export function locksOn(path: string): string[] {
  const { ino } = Deno.statSync(path);
  return Deno.readTextFileSync("/proc/locks").split("\n")
    .map((line) => line.split(/\s+/))
    .filter((fields) => fields[1] === "POSIX" && fields[4] === `${Deno.pid}`)
    .filter((fields) => fields[5]?.endsWith(`:${ino}`))
    .map((fields) => `${fields[3]} ${fields[6]} ${fields[7]}`);
}

/** How many files this process has open by that name, as Linux lists them. */
export function openFilesOn(path: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      // The one that lists them is closed by now.
      return false;
    }
  }).length;
}
