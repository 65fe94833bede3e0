import ts from "typescript";

/** One small change of a source file. */
export interface Mutant {
  /** Path from the root of the tree. */
  readonly file: string;
  /** Of the line, counted from 1, that the change begins in. */
  readonly line: number;
  /** The whole file with the change in it. */
  readonly text: string;
  /** The lines that the change touches, before and after it. */
  readonly before: string;
  readonly after: string;
}

/** The text from `start` to `end` becomes `after`. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly after: string;
}

/** What each becomes. */
const OPERATORS = pairs(
  "< <=, <= <, > >=, >= >, === !==, !== ===, && ||, || &&, + -, - +, * /, / *, % *, & |, | &, ^ &, " +
    "<< >>, >> <<, >>> >>, += -=, -= +=, *= /=, |= &=, ??= =",
);
const METHODS = pairs("min max, max min, floor ceil, ceil floor");
const IS_SQL = /^\s*(select|insert|update|delete|with)\b|= \?/i;
const SQL_OPERATORS: readonly (readonly [RegExp, string])[] = [
  [/ and /gi, " or "],
  [/ = /g, " != "],
  [/ <= /g, " < "],
  [/ >= /g, " > "],
  [/ < /g, " <= "],
  [/ > /g, " >= "],
  [/ desc\b/gi, ""],
  [/\bmax\(/gi, "min("],
  [/\bmin\(/gi, "max("],
];

function pairs(text: string): ReadonlyMap<string, string> {
  return new Map(text.split(", ").map((pair) => pair.split(" ") as [string, string]));
}

/**
 * All changes of a file that a test should notice: operators, conditions, numbers, removed statements, the
 * operators of SQL. Types, texts for people and log lines are not changed, nor are steps of loops, whose
 * change would only make the loop endless.
 */
export function mutantsOf(file: string, source: string): Mutant[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const mutants: Mutant[] = [];
  const visit = (node: ts.Node): void => {
    if (isLeftAlone(node)) return;
    for (const change of changesOf(node, tree)) mutants.push(mutant(file, source, change));
    ts.forEachChild(node, (child) => {
      if (!ts.isForStatement(node) || child !== node.incrementor) visit(child);
    });
  };
  visit(tree);
  return mutants;
}

function isLeftAlone(node: ts.Node): boolean {
  if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return true;
  if (ts.isImportDeclaration(node)) return true;
  // What is thrown is mostly text; that it is thrown is changed with the statement.
  if (ts.isNewExpression(node) && ts.isThrowStatement(node.parent)) return true;
  return ts.isCallExpression(node) && /\blogger\b/.test(node.expression.getText());
}

function changesOf(node: ts.Node, tree: ts.SourceFile): Change[] {
  const replaced = (part: ts.Node, after: string) => ({
    start: part.getStart(tree),
    end: part.getEnd(),
    after,
  });
  if (ts.isBinaryExpression(node)) {
    const after = OPERATORS.get(node.operatorToken.getText(tree));
    return after === undefined ? [] : [replaced(node.operatorToken, after)];
  }
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
    const [sign, operand] = [ts.tokenToString(node.operator)!, node.operand.getText(tree)];
    if (sign === "!" || sign === "-") return [replaced(node, operand)];
    const after = ({ "++": "--", "--": "++" } as Record<string, string>)[sign];
    if (after === undefined) return [];
    return [replaced(node, ts.isPrefixUnaryExpression(node) ? after + operand : operand + after)];
  }
  if (ts.isConditionalExpression(node)) return [negated(node.condition)];
  if (ts.isIfStatement(node)) return [negated(node.expression)];
  if (ts.isNumericLiteral(node)) {
    return isExact(node, tree) ? [replaced(node, `${Number(node.text) + 1}`)] : [];
  }
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [replaced(node, "false")];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [replaced(node, "true")];
  if (ts.isPropertyAccessExpression(node)) {
    const after = node.expression.getText(tree) === "Math" ? METHODS.get(node.name.text) : undefined;
    return after === undefined ? [] : [replaced(node.name, after)];
  }
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)) {
    return changesOfSql(node.getText(tree), node.getStart(tree));
  }
  // TypeScript refuses an empty statement behind `if`.
  return isOmissible(node, tree) ? [replaced(node, "{}")] : [];

  function negated(condition: ts.Expression): Change {
    return replaced(condition, `!(${condition.getText(tree)})`);
  }
}

/**
 * One more or less means nothing in a large decimal number, a measure (a size, a time), nor in a -1 that
 * stands for "none".
 */
function isExact(node: ts.NumericLiteral, tree: ts.SourceFile): boolean {
  if (ts.isPrefixUnaryExpression(node.parent)) return false;
  return Number(node.text) < 10 || node.getText(tree).startsWith("0x");
}

function isOmissible(node: ts.Node, tree: ts.SourceFile): boolean {
  if (ts.isExpressionStatement(node)) return !/^super\b|\blogger\b/.test(node.getText(tree));
  if (ts.isReturnStatement(node)) return node.expression === undefined;
  return ts.isThrowStatement(node) || ts.isBreakStatement(node) || ts.isContinueStatement(node);
}

function changesOfSql(literal: string, start: number): Change[] {
  if (!IS_SQL.test(literal.slice(1, -1))) return [];
  return SQL_OPERATORS.flatMap(([before, after]) =>
    [...literal.matchAll(before)].map((match) => ({
      start: start + match.index,
      end: start + match.index + match[0].length,
      after,
    }))
  );
}

function mutant(file: string, source: string, { start, end, after }: Change): Mutant {
  const text = source.slice(0, start) + after + source.slice(end);
  const firstAt = source.lastIndexOf("\n", start - 1) + 1;
  const lastEnd = source.indexOf("\n", end);
  return {
    file,
    line: source.slice(0, start).split("\n").length,
    text,
    before: source.slice(firstAt, lastEnd).trim(),
    after: text.slice(firstAt, lastEnd - (end - start) + after.length).trim(),
  };
}
