/**
 * Which questions an input asks, and of which space each is asked.
 *
 * @module
 */

import { ALWAYS_REFUSED_HOSTS } from "../policy-wasm/destination.ts";
import { hostPatternCovers } from "../policy-wasm/host_pattern.ts";
import type { Policy } from "../policy-wasm/policy.ts";
import { AmbiguityVisitor } from "./questions/ambiguity.ts";
import { ClaimVisitor } from "./claims/claim_visitor.ts";
import { UnknownCredentialError } from "./errors.ts";
import { policiesOf, type ProofInput } from "./input.ts";
import { credentialRegions, EVERYTHING } from "./questions/credentials.ts";
import { RuleUse } from "./questions/consistency.ts";
import { DestinationVisitor } from "./questions/destinations.ts";
import { ChangeVisitor, DifferenceVisitor } from "./questions/difference.ts";
import {
  exfiltration,
  ExposureVisitor,
  PUBLIC_SUFFIX,
  readCarriesData,
  uninspectedCredentials,
  WRITE_BYPASS,
} from "./questions/exposure.ts";
import {
  newPaths,
  REFERENCE_CATEGORIES,
  type ReferenceCategory,
  type ReferencePath,
  ReferenceReach,
} from "./questions/reference_reach.ts";
import type { RawFinding, VisitContext, Visitor } from "./questions/visitor.ts";
import type { Registry } from "./registry/registry.ts";
import type { Role } from "./report.ts";
import type { Look } from "./scan.ts";
import * as formulas from "./solver/formulas.ts";
import type { Formula } from "./solver/formulas.ts";
import type { Fact } from "./solver/rule_facts.ts";
import type { Matcher } from "./space/matcher.ts";
import type { Region } from "./space/member.ts";
import type { Space } from "./space/space.ts";

/** One question of a pass. */
export interface Asked {
  readonly question: string;
  readonly findings: (isWhole: boolean) => readonly RawFinding[];
  /** What the second engine is asked: satisfiable exactly when the question is refuted. */
  readonly formula: Formula | null;
  /** For questions about rules: what was found out about each. */
  readonly facts?: () => readonly Fact[];
}

/** A space with the questions about it. */
export interface Pass {
  readonly roles: readonly Role[];
  readonly policies: readonly Policy[];
  readonly regions: readonly Region[];
  /** Makes what looks at the cells of the space. */
  readonly start: (space: Space) => { readonly look: Look; readonly asked: readonly Asked[] };
  /** Questions of the pass, for when the space could not even be made. */
  readonly questions: readonly string[];
}

/** What a plan needs beside the input. */
export interface PlanTools {
  readonly matcher: Matcher;
  readonly registry: Registry;
}

/** Regions of one policy's space, and which of them are what. */
interface Regions {
  readonly list: readonly Region[];
  readonly credentials: ReadonlySet<number>;
  readonly byProvider: ReadonlyMap<string, ReadonlySet<number>>;
  readonly trusted: ReadonlySet<number>;
  readonly firstClaim: number;
}

/** Returns the passes: the policy alone, then its comparisons. */
export function planPasses(input: ProofInput, tools: PlanTools): readonly Pass[] {
  const { policy, ceiling, floor, baseline } = policiesOf(input);
  const passes = [planPolicy(input, policy, tools)];
  if (ceiling !== undefined) {
    passes.push(planDifference("within_ceiling", ["policy", "ceiling"], [policy, ceiling]));
  }
  if (floor !== undefined) {
    passes.push(planDifference("above_floor", ["floor", "policy"], [floor, policy]));
  }
  if (baseline !== undefined) {
    passes.push(planChange([policy, baseline]), planReach(input, [policy, baseline], tools));
  }
  return passes;
}

/** Returns the regions of credentials, trusted hosts and claims. */
function regionsOf(input: ProofInput, policy: Policy): Regions {
  const { providers = [], trustedHosts = [], claims = [] } = input;
  const credentialList = credentialRegions(providers);
  const byProvider = new Map<string, ReadonlySet<number>>();
  let next = 0;
  for (const { name, endpoints } of providers) {
    const indexes = endpoints.map((_, at) => next + at);
    byProvider.set(name, new Set([...byProvider.get(name) ?? [], ...indexes]));
    next += endpoints.length;
  }
  const trustedList = trustedHosts.map((host): Region => ({ ...EVERYTHING, host }));
  const firstClaim = credentialList.length + trustedList.length;
  return {
    list: [
      ...credentialList,
      ...trustedList,
      ...claims.map(({ region }) => region),
      ...refusedNames(policy).map((host): Region => ({ ...EVERYTHING, host })),
    ],
    credentials: new Set(credentialList.keys()),
    byProvider,
    trusted: new Set(Array.from({ length: firstClaim }, (_, index) => index)),
    firstClaim,
  };
}

/** Names of metadata services that a pattern covers: each is a host of its own, to be looked at. */
function refusedNames({ rules }: Policy): readonly string[] {
  const patterns = new Set(
    rules.flatMap(({ endpoints }) => endpoints.map(({ host }) => host))
      .filter((host) => host.includes("*")),
  );
  return ALWAYS_REFUSED_HOSTS.filter((name) =>
    [...patterns].some((pattern) => hostPatternCovers(pattern, name))
  );
}

function planPolicy(
  input: ProofInput,
  policy: Policy,
  { registry, matcher }: PlanTools,
): Pass {
  const regions = regionsOf(input, policy);
  const roles: readonly Role[] = ["policy"];
  const claimQuestions = (input.claims ?? []).map(({ key }) => `claim:${key}`);
  const questions = [
    ...ruleQuestions(),
    "ambiguous_rules",
    ...placeQuestions(input),
    ...claimQuestions,
  ];
  return {
    roles,
    policies: [policy],
    regions: regions.list,
    questions,
    start: (space) => {
      const context: VisitContext = { methods: space.methods, roles };
      const use = new RuleUse(space, context);
      const reach = new ReferenceReach(context, { credentials: regions.credentials, matcher });
      const visitors = [
        ...placeVisitors(input, regions, context),
        ...claimVisitors(input, regions, context),
      ];
      const look: Look = (cell, verdicts) => {
        use.visit(cell, verdicts);
        reach.visit(cell, verdicts);
        for (const { visitor } of visitors) visitor.visit(cell, verdicts);
      };
      return {
        look,
        asked: [
          ...askedOfRules(use),
          ...askedOf(visitors),
          // With a baseline, what is new is asked of both together.
          ...(input.baseline === undefined
            ? askedOfReach(categoriesOf(input), () => reach.paths(registry))
            : []),
        ],
      };
    },
  };
}

function ruleQuestions() {
  return [
    "contradictory_rules",
    "unreachable_rules",
    "shadowed_rules",
    "redundant_rules",
    "idle_denies",
  ] as const;
}

function placeQuestions(input: ProofInput): readonly string[] {
  const hasCredentials = input.providers !== undefined;
  return [
    "metadata_reach",
    "private_reach",
    "write_bypass",
    "public_suffix_wildcard",
    ...(hasCredentials ? ["uninspected_credentials"] : []),
    ...(hasCredentials || input.trustedHosts !== undefined
      ? ["exfiltration", "read_carries_data"]
      : []),
    ...(input.baseline === undefined ? categoriesOf(input) : []),
  ];
}

/** Categories of the reference that can be asked. */
function categoriesOf({ providers }: ProofInput): readonly ReferenceCategory[] {
  return providers === undefined ? REFERENCE_CATEGORIES.slice(0, 1) : REFERENCE_CATEGORIES;
}

interface Paired {
  readonly visitor: Visitor;
  readonly formula: Formula | null;
}

function placeVisitors(
  input: ProofInput,
  { credentials, trusted }: Regions,
  context: VisitContext,
): readonly Paired[] {
  const gateway = input.trustedGatewayIp ?? null;
  const paired: Paired[] = [
    { visitor: new AmbiguityVisitor(context), formula: null },
    { visitor: new DestinationVisitor("metadata_reach", context, gateway), formula: null },
    { visitor: new DestinationVisitor("private_reach", context, gateway), formula: null },
    { visitor: new ExposureVisitor(WRITE_BYPASS, context), formula: formulas.writeBypass },
    { visitor: new ExposureVisitor(PUBLIC_SUFFIX, context), formula: null },
  ];
  if (input.providers !== undefined) {
    paired.push({
      visitor: new ExposureVisitor(uninspectedCredentials(credentials), context),
      formula: formulas.uninspectedCredentials(credentials),
    });
  }
  if (input.providers !== undefined || input.trustedHosts !== undefined) {
    paired.push({
      visitor: new ExposureVisitor(exfiltration(trusted), context),
      formula: formulas.exfiltration(trusted),
    }, {
      visitor: new ExposureVisitor(readCarriesData(trusted), context),
      formula: formulas.readCarriesData(trusted),
    });
  }
  return paired;
}

function claimVisitors(
  input: ProofInput,
  { byProvider, firstClaim }: Regions,
  context: VisitContext,
): readonly Paired[] {
  return (input.claims ?? []).map((claim, index) => {
    const { credential: name } = claim;
    const credential = name === null ? null : byProvider.get(name) ?? null;
    if (name !== null && credential === null) {
      throw new UnknownCredentialError(claim.key, name);
    }
    const own = firstClaim + index;
    const visitor = new ClaimVisitor(claim, { own, credential }, context);
    return { visitor, formula: formulas.claim(claim, { own, credential }) };
  });
}

function askedOf(paired: readonly Paired[]): readonly Asked[] {
  return paired.map(({ visitor, formula }) => ({
    question: visitor.question,
    findings: (isWhole) => visitor.finish(isWhole),
    formula,
  }));
}

function askedOfRules(use: RuleUse): readonly Asked[] {
  return ruleQuestions().map((question) => ({
    question,
    findings: (isWhole) => use.findings(question, isWhole),
    formula: null,
    facts: () => use.facts(),
  }));
}

function askedOfReach(
  categories: readonly ReferenceCategory[],
  paths: () => readonly ReferencePath[],
): readonly Asked[] {
  return categories.map((category) => ({
    question: category,
    findings: () =>
      paths().filter((path) => path.category === category).map(({ finding }) => finding),
    formula: null,
  }));
}

/**
 * The categories of the reference against a baseline. Both policies are looked at in one space:
 * cut apart, their hosts would have witnesses that cannot be compared.
 */
function planReach(
  input: ProofInput,
  policies: readonly [Policy, Policy],
  { registry, matcher }: PlanTools,
): Pass {
  const roles: readonly Role[] = ["policy", "baseline"];
  const regions = regionsOf({ ...input, claims: [] }, policies[0]);
  const categories = categoriesOf(input);
  return {
    roles,
    policies,
    regions: regions.list,
    questions: categories,
    start: (space) => {
      const context: VisitContext = { methods: space.methods, roles };
      const [own, known] = [0, 1].map((side) =>
        new ReferenceReach(context, { credentials: regions.credentials, matcher, side })
      ) as [ReferenceReach, ReferenceReach];
      const look: Look = (cell, verdicts) => {
        own.visit(cell, verdicts);
        known.visit(cell, verdicts);
      };
      const fresh = () => newPaths(own.paths(registry), known.paths(registry));
      return { look, asked: askedOfReach(categories, fresh) };
    },
  };
}

function planDifference(
  question: "within_ceiling" | "above_floor",
  roles: readonly Role[],
  policies: readonly Policy[],
): Pass {
  return {
    roles,
    policies,
    regions: [],
    questions: [question],
    start: (space) => {
      const context = { methods: space.methods, roles };
      const visitor = new DifferenceVisitor(question, { passes: 0, stops: 1 }, context);
      return {
        look: (cell, verdicts) => visitor.visit(cell, verdicts),
        asked: askedOf([{ visitor, formula: formulas.beyond(0, 1) }]),
      };
    },
  };
}

function planChange(policies: readonly Policy[]): ChangePass {
  const roles: readonly Role[] = ["policy", "baseline"];
  let visitor: ChangeVisitor | null = null;
  return {
    roles,
    policies,
    regions: [],
    questions: ["same_as_baseline"],
    start: (space) => {
      const changes = new ChangeVisitor({ methods: space.methods, roles });
      visitor = changes;
      return {
        look: (cell, verdicts) => changes.visit(cell, verdicts),
        asked: askedOf([{ visitor: changes, formula: formulas.changed }]),
      };
    },
    rows: () => visitor?.rows() ?? [],
  };
}

/** The comparison with the baseline, which also has a table. */
export interface ChangePass extends Pass {
  readonly rows: ChangeVisitor["rows"];
}

/** Tells whether a pass has a table of changes. */
export function isChangePass(pass: Pass): pass is ChangePass {
  return "rows" in pass;
}
