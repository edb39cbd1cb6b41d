/** The salt of all weights, as it is stored in the cluster. It is made once and is the same for all replicas. Pure. */
import type { World } from '../world.ts';

/** The key of the salt in ConfigMap `stellar-peers-restarts`. No group has this key. */
export const SALT_KEY = 'salt';
const FORM = /^[0-9a-f]{32}$/;

/** The salt in the data of that ConfigMap; undefined if there is none, or it has another form. */
export function saltIn(data: Readonly<Record<string, string>> | undefined): string | undefined {
  const text = data?.[SALT_KEY];
  return text !== undefined && FORM.test(text) ? text : undefined;
}

/** The salt of a World; empty until the leader has made one. */
export const saltOf = ({ journal }: Pick<World, 'journal'>): string => saltIn(journal?.data) ?? '';
