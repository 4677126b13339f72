/**
 * Reads from a module what the rules need to know of its syntax.
 *
 * Uses the parser of `deno lint`, which only `deno test` gives to a program.
 *
 * @module
 */

import { isAssembly, type SourceFile } from "./finding.ts";

/** One import, export-from, `import()` or `import("…").Type`. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** Lines of a function, both included. */
export interface FunctionLines {
  readonly first: number;
  readonly last: number;
}

/** Something at a line: the called expression, the constructor, the comment. */
export interface Mention {
  readonly text: string;
  readonly line: number;
}

/** What is in a module. */
export interface Syntax {
  readonly file: SourceFile;
  readonly imports: Import[];
  readonly functions: FunctionLines[];
  /** What is called, without `new`. */
  readonly calls: Mention[];
  /** What is constructed by `new`. */
  readonly constructions: Mention[];
  /** What is thrown, where that is a call or a construction. */
  readonly thrown: Mention[];
  /** `object.property` expressions. */
  readonly members: Mention[];
  /** `as any` and `<any>`. */
  readonly anyCasts: Mention[];
  /** `let` and `var` at the level of the module. */
  readonly moduleVariables: Mention[];
  /** Statements of the module that are not `export … from`. */
  readonly ownStatements: Mention[];
  /** Comments without their marks, trimmed. */
  readonly comments: Mention[];
}

/** AssemblyScript decorates functions, which no other dialect can. */
const ASSEMBLY_DECORATOR =
  /@(?:inline|unmanaged|lazy|global|final|external|operator)\b(?:\([^)]*\))?/g;

/**
 * Returns what is in a module.
 *
 * @throws {SyntaxError} when it cannot be parsed
 */
export function readSyntax(file: SourceFile): Syntax {
  const syntax: Syntax = {
    file,
    imports: [],
    functions: [],
    calls: [],
    constructions: [],
    thrown: [],
    members: [],
    anyCasts: [],
    moduleVariables: [],
    ownStatements: [],
    comments: [],
  };
  const text = isAssembly(file.path)
    ? file.text.replaceAll(ASSEMBLY_DECORATOR, (found) => " ".repeat(found.length))
    : file.text;
  const lineAt = lineFinder(text);
  const plugin: Deno.lint.Plugin = {
    name: "tidy",
    rules: {
      read: { create: (context) => visitor(syntax, context, lineAt) },
    },
  };
  Deno.lint.runPlugin(plugin, file.path, text);
  return syntax;
}

type LineAt = (offset: number) => number;

function visitor(
  syntax: Syntax,
  context: Deno.lint.RuleContext,
  lineAt: LineAt,
): Deno.lint.LintVisitor {
  const source = context.sourceCode;
  const mention = (node: Deno.lint.Node, of: Deno.lint.Node = node): Mention => ({
    text: source.getText(of),
    line: lineAt(node.range[0]),
  });
  const addImport = (node: Deno.lint.Node | null | undefined) => {
    if (node === null || node === undefined) return;
    const specifier = literalText(node);
    if (specifier !== null) syntax.imports.push({ specifier, line: lineAt(node.range[0]) });
  };
  const addFunction = ({ range: [start, end] }: Deno.lint.Node) =>
    syntax.functions.push({ first: lineAt(start), last: lineAt(end - 1) });
  const addCast = (node: Deno.lint.Node & { typeAnnotation: Deno.lint.Node }) => {
    if (node.typeAnnotation.type === "TSAnyKeyword") syntax.anyCasts.push(mention(node));
  };
  return {
    Program(program) {
      for (const statement of program.body) readStatement(syntax, statement, mention(statement));
      for (const comment of source.getAllComments()) {
        const line = lineAt(comment.range[0]);
        syntax.comments.push({ text: comment.value.trim(), line });
      }
    },
    ImportDeclaration: (node) => addImport(node.source),
    ExportNamedDeclaration: (node) => addImport(node.source),
    ExportAllDeclaration: (node) => addImport(node.source),
    ImportExpression: (node) => addImport(node.source),
    TSImportType: (node) => addImport(node.argument),
    FunctionDeclaration: addFunction,
    FunctionExpression: addFunction,
    ArrowFunctionExpression: addFunction,
    CallExpression: (node) => void syntax.calls.push(mention(node, node.callee)),
    NewExpression: (node) => void syntax.constructions.push(mention(node, node.callee)),
    MemberExpression: (node) => void syntax.members.push(mention(node)),
    ThrowStatement({ argument }) {
      if (argument.type === "NewExpression" || argument.type === "CallExpression") {
        syntax.thrown.push(mention(argument, argument.callee));
      }
    },
    TSAsExpression: addCast,
    TSTypeAssertion: addCast,
  };
}

function readStatement(syntax: Syntax, statement: Deno.lint.Node, mention: Mention): void {
  const isReexport = statement.type === "ExportAllDeclaration" ||
    (statement.type === "ExportNamedDeclaration" && statement.source !== null);
  if (!isReexport) syntax.ownStatements.push(mention);
  const declared = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
  if (declared?.type === "VariableDeclaration" && /^(let|var)$/.test(declared.kind)) {
    syntax.moduleVariables.push(mention);
  }
}

/** A type import wraps its text in a node for the type. */
function literalText(node: Deno.lint.Node): string | null {
  if (node.type === "TSLiteralType") return literalText(node.literal);
  return node.type === "Literal" && typeof node.value === "string" ? node.value : null;
}

function lineFinder(text: string): LineAt {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    const after = starts.findIndex((start) => start > offset);
    return after < 0 ? starts.length : after;
  };
}
