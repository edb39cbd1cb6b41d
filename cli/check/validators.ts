/**
 * The validators in the form that checks need: with their group, and with the labels that policies select by. Pure.
 */
import type { Group } from '../../peers/discovery/discover.ts';
import { podsOf } from '../../peers/discovery/pods.ts';
import { type Key, keyOf, type StatefulSetFacts, type Validator } from '../../peers/world.ts';
import type { Facts } from './facts.ts';

/** One validator that is not suspended: its group, and the labels of its pods and of their namespace. */
export interface Placed {
  readonly namespace: string;
  readonly namespaceLabels: Labels;
  readonly labels: Labels;
  readonly validator: Validator;
  readonly group: Group;
  readonly statefulSet: StatefulSetFacts | undefined;
  /** The keys of its pods. */
  readonly pods: readonly Key[];
}

type Labels = Readonly<Record<string, string>>;
export type Known = Pick<Facts, 'world' | 'discovery'>;

/** All validators that are not suspended, by group, in order of key. */
export function placedOf({ world, discovery }: Known): Placed[] {
  return [...discovery.groups.values()].flatMap((group) =>
    group.validators
      .filter(({ suspended }) => !suspended)
      .map((validator) => {
        const statefulSet = discovery.statefulSetOf.get(validator.key);
        const pods = statefulSet ? podsOf(world, statefulSet) : [];
        const { namespace } = validator;
        return {
          validator,
          group,
          statefulSet,
          namespace,
          namespaceLabels: world.namespaces.get(namespace)?.labels ?? {},
          labels: pods[0]?.labels ?? statefulSet?.template.labels ?? {},
          pods: pods.map(({ name }) => keyOf(namespace, name)),
        };
      }),
  );
}
