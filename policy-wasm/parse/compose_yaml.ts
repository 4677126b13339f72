/**
 * YAML text to the node tree of the YAML library, within bounds.
 *
 * The library has no bounds of its own: its composer recurses with the nesting, and it makes an
 * error object for each mistake of a document that may have millions. So depth and tokens are
 * bounded while its parser runs, and mistakes are collected here.
 *
 * @module
 */

import {
  Composer,
  type CST,
  type Document,
  isScalar,
  Lexer,
  type Node as YamlNode,
  Parser,
  Scalar,
} from "yaml";
import { POLICY_DEPTH_MAX, POLICY_NODES_MAX } from "../../proto/limits.ts";
import type { Findings } from "./findings.ts";
import type { Span } from "./source.ts";

/** Returns the contents of the one document of a text, or `null` after reporting why not. */
export function composeYaml(text: string, findings: Findings): YamlNode | null {
  const errorsBefore = findings.errorCount;
  const document = tryCompose(text, findings);
  if (document === null || findings.errorCount > errorsBefore) return null;
  const contents = document.contents as YamlNode | null;
  if (contents !== null && !isNothing(contents)) return contents;
  const message = "The document is empty";
  findings.add("empty_document", { start: 0, end: 0 }, message, { fix: "version: 1" });
  return null;
}

/** Reports a document that nests too deep. */
export function addTooDeep(at: Span, findings: Findings): void {
  const message = `The document is nested more than ${POLICY_DEPTH_MAX} levels deep`;
  findings.add("too_deep", at, message);
}

/** Tokens beside white space; a node has fewer than three of its own. */
const TOKENS_MAX = 3 * POLICY_NODES_MAX;

/** Beyond as many, further syntax errors say nothing new. */
const SYNTAX_ERRORS_MAX = 1000;

/** A failure inside the library is one of the document, since only documents differ. */
function tryCompose(text: string, findings: Findings): Document | null {
  try {
    return compose(text, findings);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    const message = `The YAML parser cannot read the document (${error.message})`;
    findings.add("yaml_syntax", { start: 0, end: 0 }, message);
    return null;
  }
}

function compose(text: string, findings: Findings): Document | null {
  const stream = new Stream(findings);
  const document = feed(text, stream, findings);
  stream.report();
  return document;
}

function feed(text: string, stream: Stream, findings: Findings): Document | null {
  const parser = new Parser();
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const at = { start: parser.offset, end: parser.offset + 1 };
    for (const token of parser.next(lexeme)) stream.take(token);
    if (stream.isOver) return null;
    if (!isSpace(lexeme) && ++tokens > TOKENS_MAX) {
      const message = `The document has more than ${POLICY_NODES_MAX} nodes`;
      findings.add("too_many_nodes", at, message);
      return null;
    }
    if (parser.stack.length > POLICY_DEPTH_MAX && depthOf(parser) > POLICY_DEPTH_MAX) {
      addTooDeep(at, findings);
      return null;
    }
  }
  for (const token of parser.end()) stream.take(token);
  return stream.finish(text.length);
}

/** Feeds the composer and stops at what a policy may not hold. */
class Stream {
  readonly #composer: Composer;
  readonly #findings: Findings;
  #documentsStarted = 0;
  #errors = 0;
  #first: { readonly at: Span; readonly message: string } | null = null;
  isOver = false;

  constructor(findings: Findings) {
    this.#findings = findings;
    this.#composer = new Composer({
      schema: "failsafe",
      strict: true,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
    });
    const onError = (source: FaultPlace, code: string, message: string, isWarning = false) => {
      if (isRelevant(code, isWarning)) this.#addSyntaxError(spanOf(source), message);
    };
    // The composer has its handler as a property, and calls no other one.
    Object.assign<object, object>(this.#composer, { onError });
  }

  take(token: CST.Token): void {
    const at = { start: token.offset, end: token.offset + 1 };
    if (this.isOver || IGNORED_TOKENS.includes(token.type)) return;
    if (token.type === "error") {
      this.#addSyntaxError(at, token.message);
    } else if (token.type === "directive" && !/^%YAML +1\.2\s*$/.test(token.source)) {
      const end = token.offset + token.source.trimEnd().length;
      const message = "YAML directives are not allowed in a policy";
      this.#findings.add("yaml_directive", { start: token.offset, end }, message);
      this.isOver = true;
    } else if (token.type === "document" && ++this.#documentsStarted > 1) {
      const message = "A second YAML document starts here; a policy is one document";
      this.#findings.add("several_documents", at, message);
      this.isOver = true;
    } else {
      // The one document is given out at the end.
      this.#composer.next(token).next();
    }
  }

  finish(end: number): Document | null {
    if (this.isOver) return null;
    const [document] = this.#composer.end(true, end);
    for (const { pos, message } of document?.errors ?? []) {
      this.#addSyntaxError(spanOf(pos), message);
    }
    return document ?? null;
  }

  #addSyntaxError(at: Span, message: string): void {
    if (this.#errors >= SYNTAX_ERRORS_MAX) {
      this.isOver = true;
      return;
    }
    this.#errors++;
    if (this.#first === null || at.start < this.#first.at.start) this.#first = { at, message };
  }

  /** Reports the first mistake in the text; what comes after it may only follow from it. */
  report(): void {
    if (this.#first === null) return;
    const { at, message } = this.#first;
    this.#findings.add("yaml_syntax", at, explained(message));
  }
}

/** Says more where the words of the library do not help. */
function explained(message: string): string {
  if (/^Alias cannot be an empty string/.test(message)) {
    return "A value that starts with * has to be quoted; without quotes it is a YAML alias";
  }
  const plain = message.replace(/[.\s]+$/, "");
  return /^Tabs are not allowed/.test(plain) ? `${plain}; use spaces` : plain;
}

/** Between documents they mean nothing, and the composer would collect them. */
const IGNORED_TOKENS: readonly string[] = ["byte-order-mark", "space", "comment", "newline"];

/** How the library says where a fault is. */
type FaultPlace = number | readonly [number, number, ...number[]] | {
  readonly offset: number;
  readonly source?: string;
};

function spanOf(place: FaultPlace): Span {
  if (typeof place === "number") return { start: place, end: place + 1 };
  if ("offset" in place) {
    return { start: place.offset, end: place.offset + Math.max(1, place.source?.length ?? 1) };
  }
  const [start, end] = place;
  return { start, end: Math.max(end, start + 1) };
}

/** Tags are judged on the tree, where all of them are seen; of the warnings only one matters. */
function isRelevant(code: string, isWarning: boolean): boolean {
  if (code === "TAG_RESOLVE_FAILED" || code === "BAD_COLLECTION_TYPE") return false;
  return !isWarning || code === "BAD_ALIAS";
}

function isSpace(lexeme: string): boolean {
  const first = lexeme.charCodeAt(0);
  return first === 0x20 || first === 0x0a || first === 0x0d || first === 0x09 || first === 0x23;
}

function depthOf(parser: Parser): number {
  return parser.stack.filter(({ type }) => COLLECTIONS.includes(type)).length;
}

const COLLECTIONS: readonly string[] = ["block-map", "block-seq", "flow-collection"];

function isNothing(node: YamlNode): boolean {
  return isScalar(node) && node.type === Scalar.PLAIN && node.source === "" && !node.tag;
}
