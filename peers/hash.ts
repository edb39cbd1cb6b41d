/** Identities, digests and hashes of peers. Admission and reconciler use the same functions. */
import { hash } from 'node:crypto';

const sha256 = (text: string): string => hash('sha256', text);

/** The identity of a member. It contains no IP address, because a restart must never change it. */
export const identityOf = (namespace: string, pod: string, port: number): string =>
  `${namespace}/${pod}:${port}`;

/** First 8 hex digits of the identity's SHA-256: short enough to list a whole view on a pod. */
export const digestOf = (identity: string): string => sha256(identity).slice(0, 8);

/** Hash of a view: first 16 hex digits of SHA-256 over its sorted identities, one a line. */
export const viewHash = (identities: readonly string[]): string =>
  sha256([...identities].sort().join('\n')).slice(0, 16);

const VERSION = 'v1';

/** A view as the value of `stellar.org/peers`: the digests, sorted, with the format's version in front. */
export const formatDigests = (digests: readonly string[]): string =>
  `${VERSION}:${[...digests].sort().join(',')}`;

/** Longer than the digests of 100 peers. No list has more peers. */
const DIGESTS_LENGTH_MAX = 1_024;

/** The digests in a `stellar.org/peers` value, or undefined if its version or format is not known. */
export function parseDigests(value: string): readonly string[] | undefined {
  // Any creator of a pod may write this annotation, and every plan of the leader reads it.
  if (value.length > DIGESTS_LENGTH_MAX) return undefined;
  const match = /^v1:((?:[0-9a-f]{8}(?:,|$))*)$/.exec(value);
  const list = match?.[1];
  if (list === undefined || list.endsWith(',')) return undefined;
  return list === '' ? [] : list.split(',');
}

/**
 * The rendezvous weight of a peer for a viewer, both given by 32 even bits. It is the same on every replica and depends on
 * no other member, so a newcomer changes only the views that it enters. (MurmurHash3's finalizer)
 */
export function weightOf(viewer: number, peer: number): number {
  let h = viewer ^ peer;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
