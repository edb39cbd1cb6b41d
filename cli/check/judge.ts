/**
 * All checks in their order, and what they come to. Pure.
 */
import { CATEGORIES, type Check, type Finding, skipped, type Verdict } from './check.ts';
import { CLUSTER_CHECKS } from './cluster-checks.ts';
import type { Facts } from './facts.ts';
import { INSTALLED_CHECKS } from './installed-checks.ts';
import { NETWORK_CHECKS } from './network-checks.ts';
import { VALIDATOR_CHECKS } from './validator-checks.ts';
import { WEBHOOK_CHECKS } from './webhook-checks.ts';

const ALL = [
  ...CLUSTER_CHECKS,
  ...INSTALLED_CHECKS,
  ...WEBHOOK_CHECKS,
  ...VALIDATOR_CHECKS,
  ...NETWORK_CHECKS,
];

/** Every check, by category. */
export const CHECKS: readonly Check[] = CATEGORIES.flatMap((category) =>
  ALL.filter((check) => check.category === category),
);

/** What each check of this time says. */
export const judge = (facts: Facts): Finding[] =>
  CHECKS.filter(({ when }) => when === 'both' || when === facts.when).map((check) => findingOf(check, facts));

function findingOf(check: Check, facts: Facts): Finding {
  const { id, category, title, hint } = check;
  const verdict = verdictOf(check, facts);
  const isDone = verdict.verdict === 'ok' || verdict.verdict === 'skipped';
  return { id, category, title, ...verdict, ...(isDone ? {} : { hint }) };
}

/** A check is never made on what was not read. */
function verdictOf({ needs, judge: judgeIt }: Check, facts: Facts): Verdict {
  const why = needs.map((source) => facts.unread.get(source)).find((text) => text !== undefined);
  return why === undefined ? judgeIt(facts) : skipped(why);
}
