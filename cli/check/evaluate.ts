/**
 * All checks in their order, and what they come to. Pure.
 */
import {
  type Category,
  type CategoryCheck,
  type Check,
  type CheckVerdict,
  type Finding,
  skipped,
  warning,
} from './check.ts';
import { CLUSTER_CHECKS } from './cluster-checks.ts';
import type { Facts } from './facts.ts';
import { INSTALLED_CHECKS, startingForSeconds } from './installed-checks.ts';
import { NETWORK_CHECKS } from './network-checks.ts';
import { TEMPLATE_CHECKS } from './template-checks.ts';
import { RESTART_CHECKS, VALIDATOR_CHECKS } from './validator-checks.ts';
import { WEBHOOK_CHECKS } from './webhook-checks.ts';

const BY_CATEGORY: Readonly<Record<Category, readonly CategoryCheck[]>> = {
  Cluster: CLUSTER_CHECKS,
  Installation: INSTALLED_CHECKS,
  Webhook: WEBHOOK_CHECKS,
  Validators: [...VALIDATOR_CHECKS, ...TEMPLATE_CHECKS],
  Network: NETWORK_CHECKS,
  Restarts: RESTART_CHECKS,
};

/** Every check, by category. */
export const CHECKS: readonly Check[] = (Object.keys(BY_CATEGORY) as Category[]).flatMap((category) =>
  BY_CATEGORY[category].map((check) => ({ ...check, category })),
);

/** What each check of this time says. */
export const evaluate = (facts: Facts): Finding[] =>
  CHECKS.filter(({ when }) => when === undefined || when === facts.when).map((check) => {
    const { id, category, title, hint } = check;
    const { verdict, found } = verdictOf(check, facts);
    const isDone = verdict === 'ok' || verdict === 'skipped';
    return { id, category, title, verdict, found, ...(isDone ? {} : { hint }) };
  });

/** A check is never made on what was not read; and what replicas bring about may be missing while they start. */
function verdictOf({ needs, evaluate: made }: Check, facts: Facts): CheckVerdict {
  const why = needs.map((source) => facts.unread.get(source)).find((text) => text !== undefined);
  if (why !== undefined) return skipped(why);
  const verdict = made(facts);
  const seconds = startingForSeconds(facts);
  if (!verdict.endsWithStart || seconds === undefined) return verdict;
  return warning(`starting, installed ${seconds} s ago: ${verdict.found}`);
}
