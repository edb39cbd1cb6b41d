/**
 * Which peers outside the cluster stand in a validator's list, and what names each. Pure.
 */
import type { Group } from '../../peers/discovery/discover.ts';
import { EXTERNAL_CONFIGMAP } from '../../peers/names.ts';
import { outsideOf } from '../../peers/views/views.ts';
import type { Validator } from '../../peers/world.ts';
import type { OutsideFacts } from './explanation.ts';

/** Those of a list with at most `size` of them; `namespace` is our own. */
export function outsideFacts(
  validator: Validator,
  group: Group,
  { size, namespace }: { readonly size: number; readonly namespace: string },
): OutsideFacts[] {
  const configMap = `ConfigMap ${namespace}/${EXTERNAL_CONFIGMAP}`;
  return outsideOf(validator, group, size).map((address) => {
    const own = validator.ownPeers.filter((each) => each.address === address).map(({ from }) => from);
    return { address, from: group.externals.includes(address) ? [...own, configMap] : own };
  });
}
