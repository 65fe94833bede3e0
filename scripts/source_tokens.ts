import ts from "typescript";

/** A token of a TypeScript source that has words in it. */
export interface SourceToken {
  readonly kind: "identifier" | "string" | "comment";
  readonly text: string;
  /** Where it begins in the source, in UTF-16 code units. */
  readonly offset: number;
}

/**
 * Identifiers, strings (the texts between the holes of a template, too) and comments of a source, in their
 * order.
 */
export function sourceTokens(text: string): SourceToken[] {
  const source = ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const tokens: SourceToken[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(source);
    if (children.length > 0) return children.forEach(visit);
    tokens.push(...comments(text, node.getFullStart(), node.getStart(source)));
    const kind = kindOf(node);
    if (kind !== undefined) tokens.push({ kind, text: node.getText(source), offset: node.getStart(source) });
  };
  visit(source);
  return tokens;
}

function kindOf(node: ts.Node): SourceToken["kind"] | undefined {
  if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) return "identifier";
  if (ts.isStringLiteralLike(node) || ts.isRegularExpressionLiteral(node)) return "string";
  return ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node) ? "string" : undefined;
}

/** Between two tokens there is nothing but white space and comments. */
function comments(text: string, from: number, to: number): SourceToken[] {
  const between = text.slice(from, to);
  return [...between.matchAll(/\/\/.*|\/\*[^]*?\*\//g)].map((match) => ({
    kind: "comment",
    text: match[0],
    offset: from + match.index,
  }));
}
