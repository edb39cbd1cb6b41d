/** All checks in their order, and their evaluation. Pure. */
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

/** All checks, ordered by category. */
export const CHECKS: readonly Check[] = (Object.keys(BY_CATEGORY) as Category[]).flatMap((category) =>
  BY_CATEGORY[category].map((check) => ({ ...check, category })),
);

/** The findings of all checks; before the install, without those that need an installation. */
export const evaluate = (facts: Facts): Finding[] =>
  CHECKS.filter(({ when }) => when === undefined || when === facts.when).map((check) => {
    const { id, category, title, hint } = check;
    const { verdict, found } = verdictOf(check, facts);
    const needsHint = verdict === 'warning' || verdict === 'problem';
    return { id, category, title, verdict, found, ...(needsHint ? { hint } : {}) };
  });

/** The verdict of one check: skipped if its facts could not be read, milder while replicas start. */
function verdictOf(check: Check, facts: Facts): CheckVerdict {
  const whyUnread = check.needs.map((source) => facts.unread.get(source)).find((why) => why !== undefined);
  if (whyUnread !== undefined) return skipped(whyUnread);
  const verdict = check.evaluate(facts);
  const seconds = startingForSeconds(facts);
  if (!verdict.isNormalAtStart || seconds === undefined) return verdict;
  return warning(`starting, installed ${seconds} s ago: ${verdict.found}`);
}
