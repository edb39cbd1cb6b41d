/** The validators of the facts as checks look at them: with their StatefulSets, pods, and the labels of these. Pure. */
import { podsOf } from '../../peers/discovery/pods.ts';
import type { PodFacts, StatefulSetFacts, Validator } from '../../peers/world.ts';
import type { Facts } from './facts.ts';

/** One validator that runs, or would. */
export interface Placed {
  readonly validator: Validator;
  readonly statefulSet: StatefulSetFacts | undefined;
  readonly pods: readonly PodFacts[];
  /** Of its pods, or of their template while there is none. */
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
