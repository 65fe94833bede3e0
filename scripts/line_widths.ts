import ts from "typescript";

/** Lines of a file that are wider than they may be, as `file:line: what is wrong`. */
export function widthFaults(path: string, text: string, width: number): string[] {
  const wide = text.split("\n").flatMap((line, index) => {
    const length = line.length <= width ? line.length : [...line].length;
    return length <= width ? [] : [{ index, length }];
  });
  // Parsing takes longer than all the rest.
  if (wide.length === 0) return [];
  const isFree = path.endsWith(".md") ? freeLinesOfPage(text, width) : freeLinesOfSource(text);
  return wide.filter(({ index }) => !isFree(index)).map(({ index, length }) =>
    `${path}:${index + 1}: is ${length} characters wide, ${width} at most`
  );
}

/** Tables, fences and headings of a document may be wide, and so may a link that leaves nowhere to break. */
function freeLinesOfPage(text: string, width: number): (index: number) => boolean {
  const lines = text.split("\n");
  const fenced = new Set<number>();
  let isFenced = false;
  lines.forEach((line, index) => {
    if (/^\s*```/.test(line)) isFenced = !isFenced;
    if (isFenced) fenced.add(index);
  });
  return (index) =>
    fenced.has(index) || /^\s*(?:\||#|```)/.test(lines[index]!) ||
    lines[index]!.trim().lastIndexOf(" ") < width / 2;
}

/**
 * Lines of a source that nobody can break: templates over several lines, whose breaks are content, regular
 * expressions, tagged templates, texts without a space, titles of tests, which the formatter puts on one
 * line, and what the formatter ignores.
 */
function freeLinesOfSource(text: string): (index: number) => boolean {
  const source = ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const lineAt = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  const free = new Set<number>();
  const visit = (node: ts.Node) => {
    const [first, last] = [lineAt(node.getStart(source)), lineAt(node.getEnd())];
    if (isUnbreakable(node, last > first) || isIgnored(node, text)) {
      for (let line = first; line <= last; line++) free.add(line);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return (index) => free.has(index);
}

function isUnbreakable(node: ts.Node, isOverLines: boolean): boolean {
  if (ts.isRegularExpressionLiteral(node)) return true;
  if (!ts.isTemplateExpression(node) && !ts.isStringLiteralLike(node)) return false;
  if (ts.isTaggedTemplateExpression(node.parent)) return true;
  return isOverLines || !node.getText().slice(1, -1).trim().includes(" ") || isTitle(node);
}

function isTitle({ parent }: ts.Node): boolean {
  return ts.isCallExpression(parent) && parent.expression.getText() === "Deno.test";
}

function isIgnored(node: ts.Node, text: string): boolean {
  const comments = text.slice(node.getFullStart(), node.getStart());
  return /\bdeno-fmt-ignore\b/.test(comments);
}
