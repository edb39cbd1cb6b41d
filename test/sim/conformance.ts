/**
 * The conformance checks of the simulated API server and its controllers. The same checks run against the real ones; if the
 * results differ, the simulation is wrong.
 */
import { APPLY_CHECKS } from './conformance-applies.ts';
import { BUDGET_CHECKS } from './conformance-budgets.ts';
import { DELETION_CHECKS } from './conformance-deletions.ts';
import { ROLL_CHECKS } from './conformance-rolls.ts';
import { SCALE_CHECKS } from './conformance-scale.ts';
import { WATCH_CHECKS } from './conformance-watches.ts';
import { WRITE_CHECKS } from './conformance-writes.ts';
import type { Check } from './conformant.ts';

export const CHECKS: readonly Check[] = [
  ...APPLY_CHECKS,
  ...WRITE_CHECKS,
  ...WATCH_CHECKS,
  ...SCALE_CHECKS,
  ...ROLL_CHECKS,
  ...BUDGET_CHECKS,
  ...DELETION_CHECKS,
];
