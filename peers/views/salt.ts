/**
 * The salt under which members are weighed, as it stands in the cluster: made once, the same for all replicas. Pure.
 */
import type { World } from '../world.ts';

/** Its key in ConfigMap `stellar-peers-restarts`, which no group has. */
export const SALT_KEY = 'salt';
const FORM = /^[0-9a-f]{32}$/;

/** The salt in such data; undefined where there is none, or none of that form. */
export function saltIn(data: Readonly<Record<string, string>> | undefined): string | undefined {
  const text = data?.[SALT_KEY];
  return text !== undefined && FORM.test(text) ? text : undefined;
}

/** The salt of a World; empty until the leader has made one. */
export const saltOf = ({ journal }: Pick<World, 'journal'>): string => saltIn(journal?.data) ?? '';
