/**
 * All checks in their order, and what they come to. Pure.
 */
import { CATEGORIES, type Check, type CheckVerdict, type Finding, skipped, warning } from './check.ts';
import { CLUSTER_CHECKS } from './cluster-checks.ts';
import type { Facts } from './facts.ts';
import { INSTALLED_CHECKS, startingForSeconds } from './installed-checks.ts';
import { MERGE_CHECKS } from './merge-checks.ts';
import { NETWORK_CHECKS } from './network-checks.ts';
import { TEMPLATE_OWNERS_CHECK } from './template-owners.ts';
import { VALIDATOR_CHECKS } from './validator-checks.ts';
import { WEBHOOK_CHECKS } from './webhook-checks.ts';

const ALL = [
  ...CLUSTER_CHECKS,
  ...INSTALLED_CHECKS,
  ...WEBHOOK_CHECKS,
  ...VALIDATOR_CHECKS,
  TEMPLATE_OWNERS_CHECK,
  ...MERGE_CHECKS,
  ...NETWORK_CHECKS,
];

/** Every check, by category. */
export const CHECKS: readonly Check[] = CATEGORIES.flatMap((category) =>
  ALL.filter((check) => check.category === category),
);

/** What each check of this time says. */
export const evaluate = (facts: Facts): Finding[] =>
  CHECKS.filter(({ when }) => when === 'both' || when === facts.when).map((check) => findingOf(check, facts));

function findingOf(check: Check, facts: Facts): Finding {
  const { id, category, title, hint } = check;
  const { verdict, found } = verdictOf(check, facts);
  const isDone = verdict === 'ok' || verdict === 'skipped';
  return { id, category, title, verdict, found, ...(isDone ? {} : { hint }) };
}

/** A check is never made on what was not read; and what replicas bring about may be missing while they start. */
function verdictOf({ needs, evaluate: checkIt }: Check, facts: Facts): CheckVerdict {
  const why = needs.map((source) => facts.unread.get(source)).find((text) => text !== undefined);
  if (why !== undefined) return skipped(why);
  const verdict = checkIt(facts);
  const seconds = startingForSeconds(facts);
  if (!verdict.endsWithStart || seconds === undefined) return verdict;
  return warning(`starting, installed ${seconds} s ago: ${verdict.found}`);
}
