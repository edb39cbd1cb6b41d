/** Groups reasons for people: the same reason for several objects is shown once. Pure. */
import type { Key } from '../world.ts';
import { describeReason, type Reason, releaseOf } from './reasons.ts';

const kindOf = (key: Key): string => (key.includes('/') ? 'validators' : 'namespaces');

/** One reason, and the objects that have it. If `release` names a namespace, all are of that namespace. */
export interface ReasonGroup {
  readonly subjects: readonly Key[];
  readonly code: Reason['code'];
  readonly sentence: string;
  readonly release: string;
}

/** The groups, in the order of their first reasons. */
export function groupedReasons(told: Iterable<readonly [Key, Reason]>): ReasonGroup[] {
  const all = [...told].map(([key, why]) => ({ key, why, sentence: describeReason(why) }));
  const groups = Map.groupBy(all, ({ key, why, sentence }) => {
    const isNamed = releaseOf(why, [key]) !== releaseOf(why, ['/']);
    return `${why.code} ${sentence} ${why.hint ?? ''} ${isNamed ? key.split('/')[0] : ''} ${kindOf(key)}`;
  });
  return [...groups.values()].map((group) => {
    const subjects = group.map(({ key }) => key);
    const { why, sentence } = group[0] as (typeof all)[number];
    return { subjects, code: why.code, sentence, release: releaseOf(why, subjects) };
  });
}

/** `stellar/a  Paused`, or `4 validators  Paused` over their names. */
export const groupTitle = ({ subjects: [first = '', ...more] }: ReasonGroup): string =>
  more.length === 0 ? first : `${more.length + 1} ${kindOf(first)}`;
