/** The parts of the tests, in the order in which they start: what each proves, and how to run it alone. */
import { builtBy, minimumNode, onPath, realNode } from './needs.ts';

export interface Part {
  /** The script of package.json that runs it, also alone. */
  readonly script: string;
  /** What the part proves, as the end of a sentence. */
  readonly what: string;
  /** Gets what the part needs beyond the prerequisites. Resolves to why it is not available, or to undefined. */
  readonly obtain?: () => Promise<string | undefined>;
}

/** Checks without a cluster. */
const CHECK: readonly Part[] = [
  { script: 'lint', what: 'format and lint' },
  // Start this early, because it takes longest.
  { script: 'test:unit', what: 'unit tests, golden files and house rules' },
  { script: 'types', what: 'types' },
  { script: 'imports', what: 'import rules' },
  { script: 'exports', what: 'dead exports' },
  { script: 'docs:check', what: 'generated docs' },
];

const TEST: readonly Part[] = [
  ...CHECK,
  { script: 'test:smoke', what: 'the main promises on a real control plane' },
  { script: 'test:histories', what: 'a hundred simulated histories' },
];

/** What `make test-all` adds to `make test`; no part is in both. Each of these uses the whole machine. */
const HEAVY: readonly Part[] = [
  {
    script: 'test:minimum',
    what: 'the unit tests on the oldest Node that we promise, and under all shells',
    obtain: minimumNode,
  },
  { script: 'test:cases', what: 'four times as many random cases' },
  { script: 'test:histories:more', what: 'nine hundred other histories' },
  { script: 'test:mutants', what: 'known bugs, each of which a test must notice' },
  { script: 'test:e2e', what: 'all promises on real control planes' },
];

/** Tests of the product as it is shipped. They are also a suite of their own: `make node-test`. */
const NODE: readonly Part[] = [
  { script: 'test:node', what: 'the image in containers on real kubelets', obtain: realNode },
];

/** Parts that wait more than they compute. */
const LIGHT: readonly Part[] = [
  // Start these early, because they take longest.
  ...NODE,
  { script: 'test:helm', what: 'the chart by Helm', obtain: builtBy('helm') },
  {
    script: 'test:cert-manager',
    what: "certificates by cert-manager's controllers",
    obtain: builtBy('cert-manager'),
  },
  {
    script: 'test:prometheus',
    what: 'alerts and dashboard in a real Prometheus',
    obtain: onPath('promtool', 'prometheus'),
  },
  { script: 'test:browser', what: 'the status page in Chromium', obtain: onPath('chromium') },
  { script: 'test:arm64', what: 'the image for arm64, by qemu', obtain: onPath('qemu-aarch64') },
];

interface Stage {
  readonly parts: readonly Part[];
  /** How many parts may run at the same time: more than one only if none needs the whole machine. */
  readonly atOnce: number;
}

/** Stages that run one after the other. */
export type Suite = readonly Stage[];

/** The suites, by the argument of `scripts/test.ts`. */
export const SUITES: Readonly<Record<string, Suite>> = {
  check: [{ parts: CHECK, atOnce: 2 }],
  test: [{ parts: TEST, atOnce: 2 }],
  rest: [
    { parts: HEAVY, atOnce: 1 },
    { parts: LIGHT, atOnce: 2 },
  ],
  node: [{ parts: NODE, atOnce: 1 }],
};

export const partsOf = (suite: Suite): Part[] => suite.flatMap(({ parts }) => parts);
