import { resolve } from "node:path";
import { MASK } from "./mask.ts";
import type { Setting, Sources } from "./settings.ts";

const FLAG = "flag ";
const FILE = "file ";

/**
 * Warns of secrets where other users of the machine can see them: on command lines, and in files that
 * everybody may read.
 */
export function exposedSecrets(
  settings: readonly Setting[],
  { envFile = ".env", workingDirectory, isOpen }: Sources,
): string[] {
  const secret = settings.filter(({ value }) => value?.includes(MASK));
  const from = (origins: string) =>
    secret.filter(({ origin }) => origin.startsWith(origins)).map((setting) => ({
      ...setting,
      name: setting.origin.slice(origins.length),
    }));
  const shown = from(FLAG).map(({ fileVariable, name }) =>
    `${name} holds a secret, which every user of this machine can see in the list of processes: give it by ` +
    (fileVariable ?? "the environment")
  );
  const files = [
    ...from(FILE).map(({ fileVariable, name }) => [fileVariable!, name] as const),
    ...settings.flatMap(({ variable, value, isKeyFile }) =>
      value !== undefined && isKeyFile ? [[variable, value] as const] : []
    ),
    ...(from(`${envFile}:`).length > 0 ? [["the env file", envFile] as const] : []),
  ];
  const open = files.filter(([, path]) => isOpen(resolve(workingDirectory, path))).map(([name, path]) =>
    `${path} (${name}) holds a secret, and every user of this machine may read it: chmod o-r ${path}`
  );
  return [...shown, ...open];
}
