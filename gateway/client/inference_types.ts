/**
 * Routes of model calls, as clients see them.
 *
 * @module
 */

/** Which route of a workspace. */
export interface RouteName {
  readonly workspace: string;
  readonly name: string;
}

/** What a route says. */
export interface RouteSettings {
  readonly provider: string;
  readonly model: string;
  /** 0 is the usual time. */
  readonly timeoutSecs: number;
  /** Names that a caller may ask for; empty is every one. */
  readonly models: readonly string[];
  /** Lower ones are tried first. */
  readonly priority: number;
}

export interface RouteView extends RouteSettings, RouteName {
  readonly version: number;
}

/** What was set, and what answered. */
export interface RouteSet {
  readonly route: RouteView;
  readonly endpoints: readonly { readonly url: string; readonly protocol: string }[];
}

/** Calls about model routes. Each throws a `GatewayError` where the gateway says no. */
export interface InferenceCalls {
  setRoute(name: RouteName, settings: RouteSettings, verifies: boolean): Promise<RouteSet>;
  getRoute(name: RouteName): Promise<RouteView>;
  listRoutes(workspace: string): Promise<readonly RouteView[]>;
  /** Returns false where there was none. */
  deleteRoute(name: RouteName): Promise<boolean>;
}
