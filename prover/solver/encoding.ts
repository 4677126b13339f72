/**
 * The second engine's view of a space: three choices, and propositions about them.
 *
 * A request is a _spot_ (a connection and a path), a content and a method. `side_encoder.ts` says
 * what a policy means in these terms; here are the other propositions that questions use.
 *
 * @module
 */

import { addressBeyond } from "../questions/addresses.ts";
import type { Cell, PathReading, Space } from "../space/space.ts";
import { SideEncoder, type SideInput, type SideTerms } from "./side_encoder.ts";
import { among, and, type ChoiceName, not, or, type Term } from "./term.ts";

/** A connection and a path. */
export type Spot = Pick<Cell, "connection" | "path" | "regions">;

/** A reading that there is not: nothing covers it. */
const UNREAD: PathReading = { hasEncodedSlash: false, matched: new Set() };

/** A space and all its cells, ready to be asked about. */
export class Encoding {
  readonly counts: Readonly<Record<ChoiceName, number>>;
  /** A content goes with the spots that it was made for. */
  readonly isChoice: Term;
  readonly #space: Space;
  readonly #spots: readonly Spot[];
  readonly #contents: readonly Cell["content"][];
  /** By cell: its spot and its content. */
  readonly #places: readonly (readonly [spot: number, content: number])[];
  readonly #sides = new Map<number, SideTerms>();

  /** `cells` are those of the space, in its order. */
  constructor(space: Space, cells: readonly Cell[]) {
    this.#space = space;
    const spots: Spot[] = [];
    const contents = new Map<Cell["content"], number>();
    /** By the first content of a list: the list, and the spots that have it. */
    const lists = new Map<number, { spots: Set<number>; contents: Set<number> }>();
    let list = { spots: new Set<number>(), contents: new Set<number>() };
    this.#places = cells.map((cell) => {
      const content = contents.get(cell.content) ?? contents.size;
      contents.set(cell.content, content);
      const last = spots.at(-1);
      if (last?.connection !== cell.connection || last.path !== cell.path) {
        spots.push(cell);
        list = lists.get(content) ?? { spots: new Set(), contents: new Set() };
        lists.set(content, list);
        list.spots.add(spots.length - 1);
      }
      list.contents.add(content);
      return [spots.length - 1, content] as const;
    });
    this.#spots = spots;
    this.#contents = [...contents.keys()];
    this.counts = {
      spot: spots.length,
      content: contents.size,
      method: space.methods.names.length,
    };
    this.isChoice = or(
      ...[...lists.values()].map((one) =>
        and(among("spot", one.spots), among("content", one.contents))
      ),
    );
  }

  /** Returns the choice that a cell and a method are. */
  choiceOf(cell: number, method: number): Readonly<Record<ChoiceName, number>> {
    const [spot, content] = this.#places[cell]!;
    return { spot, content, method };
  }

  /** The method may carry data or change something. */
  get writes(): Term {
    const { methods } = this.#space;
    return this.methodIn(methods.namesOf(methods.writes));
  }

  get isInspectedHost(): Term {
    return this.#spotsWhere(({ connection }) => connection.place.isInspectedHost);
  }

  /** One side dials the connection at an address that the other refuses. */
  isDialledBeyond(sides: { readonly passes: number; readonly stops: number }): Term {
    const known = new Map<Cell["connection"], boolean>();
    return this.#spotsWhere(({ connection }) => {
      const is = known.get(connection) ?? addressBeyond(connection, sides) !== null;
      known.set(connection, is);
      return is;
    });
  }

  /** The request has no query and no body that is judged, and its path no encoded slash. */
  get isPlain(): Term {
    const contents = this.#contents.flatMap(({ query, graphql, rpc }, index) =>
      query.length === 0 && graphql === null && rpc === null ? [index] : []
    );
    return and(
      among("content", contents),
      not(this.#spotsWhere(({ path }) => path.hasEncodedSlash)),
    );
  }

  methodIn(names: readonly string[]): Term {
    const { methods } = this.#space;
    return among(
      "method",
      names.flatMap((name) => {
        const index = methods.names.indexOf(name);
        return index < 0 ? [] : [index];
      }),
    );
  }

  /** The request is in one of the regions, whatever its method. */
  inSome(regions: ReadonlySet<number>): Term {
    return this.#spotsWhere((spot) => spot.regions.some((index) => regions.has(index)));
  }

  /** Its host and port are in one of the regions. */
  placeInSome(regions: ReadonlySet<number>): Term {
    return this.#spotsWhere(({ connection }) =>
      connection.place.regions.some((index) => regions.has(index))
    );
  }

  side(side: number): SideTerms {
    let terms = this.#sides.get(side);
    if (terms === undefined) {
      const encoder = (spots: SideInput["spots"]) =>
        new SideEncoder({
          spots,
          contents: this.#contents,
          methodIn: (names) => this.methodIn(names),
        }, side);
      const count = this.#spots.reduce((max, { path }) => Math.max(max, path.readings.length), 0);
      const readings = Array.from(
        { length: count },
        (_, at) =>
          this.#spots.map(({ connection, path }) => ({
            connection,
            path: path.readings[at] ?? UNREAD,
          })),
      );
      terms = encoder(this.#spots).encode(readings.map(encoder));
      this.#sides.set(side, terms);
    }
    return terms;
  }

  #spotsWhere(is: (spot: Spot) => boolean): Term {
    return among("spot", this.#spots.flatMap((spot, index) => is(spot) ? [index] : []));
  }
}
