/** The update strategy of a validator, and its pauses. Pure. */
import { ANNOTATION_ROLLOUT, PAUSED, STRATEGIES } from '../../../peers/names.ts';
import { mendOf, type Reason, reason, reasonWith } from '../../../peers/reasons/reasons.ts';
import type { Validator, World } from '../../../peers/world.ts';

type Strategy = (typeof STRATEGIES)[number];

export type UpdateStrategy =
  | { readonly kind: 'strategy'; readonly strategy: Strategy }
  | { readonly kind: 'hold'; readonly reason: Reason };

const unknownStrategy = (where: string, value: string): Reason =>
  reasonWith('UnknownStrategy', `${where}: ${value}`, mendOf(where, ANNOTATION_ROLLOUT));

const hold = (why: Reason): UpdateStrategy => ({ kind: 'hold', reason: why });

/**
 * The strategy by the annotations on the StellarNode, the Namespace and, for everything, our own ConfigMap. The value
 * nearest to the validator wins, but a pause or an unknown value holds on each of the three.
 */
export function updateStrategyOf(validator: Validator, world: World, ownNamespace: string): UpdateStrategy {
  const everything = world.configMaps.get(ownNamespace);
  if (!everything) return hold(reason('PauseUnknown'));
  const { key, name, namespace } = validator;
  const values: ReadonlyArray<readonly [string, string | undefined, string]> = [
    [`ConfigMap ${everything.key}`, everything.rollout, ''],
    [`Namespace ${namespace}`, world.namespaces.get(namespace)?.rollout, ` -n ${namespace}`],
    [`StellarNode ${key}`, validator.rollout, ` ${name} -n ${namespace}`],
  ];
  let strategy: Strategy = 'RollingUpdate';
  for (const [where, value, reach] of values) {
    if (value === undefined) continue;
    const known = STRATEGIES.find((name) => name === value);
    if (value === PAUSED) return hold(reason('Paused', where, `stellar-peers resume${reach}`));
    if (!known) return hold(unknownStrategy(where, value));
    strategy = known;
  }
  return { kind: 'strategy', strategy };
}
