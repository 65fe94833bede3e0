/** Colours, where the output is a terminal that has them and `NO_COLOR` is not set. */
export interface TerminalStyle {
  readonly strong: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly notable: (text: string) => string;
}

export function terminalStyle(): TerminalStyle {
  const hasColours = Deno.stdout.isTerminal() && !Deno.noColor;
  const style = (code: number) => (text: string) => hasColours ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { strong: style(1), good: style(32), bad: style(31), notable: style(33) };
}
