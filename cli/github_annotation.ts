/**
 * Workflow commands of GitHub Actions, which show a message at a line of a file.
 *
 * @module
 */

/** Severity as GitHub names it. */
export type AnnotationKind = "error" | "warning" | "notice";

/** Where a message belongs, and its title. What is left out is not said. */
export interface AnnotationPlace {
  readonly file?: string;
  readonly line?: number;
  readonly endLine?: number;
  readonly col?: number;
  readonly endColumn?: number;
  readonly title: string;
}

/** Returns one line: values are percent-encoded as GitHub's toolkit does. */
export function annotation(kind: AnnotationKind, place: AnnotationPlace, text: string): string {
  const properties = Object.entries(place)
    .map(([name, value]) => `${name}=${escapeProperty(String(value))}`);
  return `::${kind} ${properties.join(",")}::${escapeData(text)}\n`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
