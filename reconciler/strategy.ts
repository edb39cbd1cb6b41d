/**
 * Which strategy holds for a validator, and what pauses it. Pure.
 */
import { type Reason, reason } from '../peers/reasons.ts';
import type { Validator, World } from '../peers/world.ts';

const STRATEGIES = ['RollingUpdate', 'Signal', 'OnRestart'] as const;
type Strategy = (typeof STRATEGIES)[number];

export type StrategyVerdict =
  | { readonly kind: 'strategy'; readonly strategy: Strategy }
  | { readonly kind: 'hold'; readonly reason: Reason };

const hold = (why: Reason): StrategyVerdict => ({ kind: 'hold', reason: why });

/**
 * The strategy by the annotations on our own ConfigMap (everything), the Namespace and the StellarNode: the nearest
 * to the validator wins, but a pause, or a value that is not known here, holds wherever it stands.
 */
export function strategyOf(validator: Validator, world: World, ownNamespace: string): StrategyVerdict {
  const everything = world.configMaps.get(ownNamespace);
  if (!everything) return hold(reason('PauseUnknown'));
  const values: ReadonlyArray<readonly [string, string | undefined]> = [
    [`ConfigMap ${everything.key}`, everything.rollout],
    [`Namespace ${validator.namespace}`, world.namespaces.get(validator.namespace)?.rollout],
    [`StellarNode ${validator.key}`, validator.rollout],
  ];
  let strategy: Strategy = 'RollingUpdate';
  for (const [where, value] of values) {
    if (value === undefined) continue;
    const known = STRATEGIES.find((name) => name === value);
    if (value === 'paused') return hold(reason('Paused', where));
    if (!known) return hold(reason('UnknownStrategy', `${where}: ${value}`));
    strategy = known;
  }
  return { kind: 'strategy', strategy };
}
