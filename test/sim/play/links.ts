/**
 * The witness' own view of links: the rule of each validator, by settings and annotations, and which members run with a
 * list that names a pod, by their stamps.
 */

import type { Settings } from '../../../app/settings.ts';
import { Namespaces } from '../../../runtime/kube/resources.ts';
import { groupOf, keysOf, membersOf } from './members.ts';
import type { Stage } from './stage.ts';
import { annotationOf, isRunning, knownBy, nodeOf, podsOf, split } from './standing.ts';

export const ROLL_FOR = 'stellar.org/peer-roll-for';
export const RULES = ['auto', 'unlinked', 'missing', 'all'];

/** The rules that people have set for a validator by annotation: on the Namespace, then on the StellarNode. */
export function rulesOf(stage: Stage, key: string): string[] {
  const { store } = stage.server;
  const namespace = store.get({ resource: Namespaces, name: split(key).namespace });
  return [annotationOf(namespace, ROLL_FOR), annotationOf(nodeOf(store, key), ROLL_FOR)].filter(
    (value) => value !== undefined,
  );
}

/** The rule in force: `unlinked`, `missing` or `all`; undefined if a value is not known. */
export function ruleOf(stage: Stage, key: string, { rollFor }: Settings): string | undefined {
  const rules = rulesOf(stage, key);
  if (rules.some((rule) => !RULES.includes(rule))) return undefined;
  const rule = rules.at(-1) ?? rollFor;
  if (rule !== 'auto') return rule;
  const plan = stage.plan.nodes.find(({ namespace, name }) => `${namespace}/${name}` === key);
  return stage.plan.networks[plan?.network ?? -1]?.isPublic ? 'unlinked' : 'missing';
}

/** Digests of the members of its group whose running pods were stamped with this pod, given by `namespace/name`. */
export function namersOf(stage: Stage, key: string, pod: string): Set<string> {
  const own = membersOf(stage, key).find((member) => member.pod === pod)?.digest ?? '';
  const found = new Set<string>();
  const group = groupOf(stage, key);
  for (const other of keysOf(stage.plan).filter((each) => groupOf(stage, each) === group)) {
    const naming = podsOf(stage.server.store, other)
      .filter((each) => isRunning(each) && knownBy(each)?.includes(own))
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    for (const each of membersOf(stage, other)) if (naming.includes(each.pod)) found.add(each.digest);
  }
  return found;
}
