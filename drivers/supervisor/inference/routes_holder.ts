/**
 * The routes that are in force now.
 *
 * @module
 */

import { InferenceRoutes } from "./inference_routes.ts";

export class RoutesHolder {
  #current = InferenceRoutes.NONE;
  readonly #first = Promise.withResolvers<void>();

  get current(): InferenceRoutes {
    return this.#current;
  }

  /** Puts routes in force for the calls from now on. */
  load(routes: InferenceRoutes): void {
    this.#current = routes;
    this.#first.resolve();
  }

  /**
   * Waits until the gateway has said where calls go: a sandbox starts its program before that, and a
   * first call would find no routes.
   */
  async first(msMax: number): Promise<InferenceRoutes> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, msMax);
    await Promise.race([this.#first.promise, late.promise]);
    clearTimeout(timer);
    return this.#current;
  }
}
