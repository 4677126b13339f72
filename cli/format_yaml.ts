/**
 * Writes a JSON value as YAML.
 *
 * A module of its own because importing the YAML library takes longer than starting the program.
 *
 * @module
 */

import { Document, visit } from "yaml";
import { isPrintable, printableJson } from "./printable.ts";

/** Returns one YAML document with a final line feed, free of characters that a terminal obeys. */
export function formatYaml(value: unknown): string {
  // Readers of YAML 1.1 are still common, and take a plain `no` for false.
  const document = new Document(value, { aliasDuplicateObjects: false, compat: "yaml-1.1" });
  visit(document, {
    Scalar(_, scalar) {
      // Double quotes are the one YAML style that has escapes, and they are those of JSON.
      if (typeof scalar.value === "string" && !isPrintable(scalar.value)) {
        scalar.type = "QUOTE_DOUBLE";
      }
    },
  });
  return printableJson(document.toString({ lineWidth: 0 }));
}
