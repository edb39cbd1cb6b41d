/** For which peers a validator is restarted: by the setting and by annotations. Pure. */
import { ANNOTATION_ROLL_FOR, ROLL_FOR_VALUES } from '../../../peers/names.ts';
import { mendOf, type Reason, reasonWith } from '../../../peers/reasons/reasons.ts';
import type { Validator, World } from '../../../peers/world.ts';

/**
 * `unlinked`: live peers that neither end knows; `missing`: live peers that its own list lacks; both only below
 * ROLL_BELOW. `all`: each change of its list, which is a live peer that the list lacks, or one that left.
 */
export type RollFor = 'unlinked' | 'missing' | 'all';

/** The setting. `auto` means `unlinked` on public networks, where a restart costs a vote, and `missing` on others. */
export type RollForSetting = (typeof ROLL_FOR_VALUES)[number];

export type RollForVerdict =
  | { readonly kind: 'rollFor'; readonly rollFor: RollFor }
  | { readonly kind: 'hold'; readonly reason: Reason };

/** The rule for one validator: of its StellarNode, its Namespace or the setting. An unknown value holds restarts. */
export function rollForOf(validator: Validator, world: World, setting: RollForSetting): RollForVerdict {
  const values: ReadonlyArray<readonly [string, string | undefined]> = [
    [`Namespace ${validator.namespace}`, world.namespaces.get(validator.namespace)?.rollFor],
    [`StellarNode ${validator.key}`, validator.rollFor],
  ];
  let nearest = setting;
  for (const [where, value] of values) {
    if (value === undefined) continue;
    const known = ROLL_FOR_VALUES.find((each) => each === value);
    if (!known) {
      const command = mendOf(where, ANNOTATION_ROLL_FOR);
      return {
        kind: 'hold',
        reason: reasonWith('UnknownRollFor', `${where}: ${value.slice(0, 40)}`, command),
      };
    }
    nearest = known;
  }
  if (nearest !== 'auto') return { kind: 'rollFor', rollFor: nearest };
  return { kind: 'rollFor', rollFor: validator.network.isPublic ? 'unlinked' : 'missing' };
}
