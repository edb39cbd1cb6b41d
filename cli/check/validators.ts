/**
 * The validators as the checks need them: with their StatefulSets, their pods and the labels of the pods. Pure.
 */
import { podsOf } from '../../peers/discovery/pods.ts';
import type { PodFacts, StatefulSetFacts, Validator } from '../../peers/world.ts';
import type { Facts } from './facts.ts';

/** One validator that is not suspended. */
export interface Placed {
  readonly validator: Validator;
  readonly statefulSet: StatefulSetFacts | undefined;
  readonly pods: readonly PodFacts[];
  /** The labels of its pods, or of their template if there are no pods. */
  readonly labels: Readonly<Record<string, string>>;
}

/** All validators that are not suspended, by group, in order of key. */
export const placedOf = ({ world, discovery }: Pick<Facts, 'world' | 'discovery'>): Placed[] =>
  [...discovery.groups.values()]
    .flatMap(({ validators }) => validators)
    .filter(({ suspended }) => !suspended)
    .map((validator) => {
      const statefulSet = discovery.statefulSetOf.get(validator.key);
      const pods = podsOf(world, statefulSet);
      return { validator, statefulSet, pods, labels: pods[0]?.labels ?? statefulSet?.template.labels ?? {} };
    });
