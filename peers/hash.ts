/**
 * Identities, digests and hashes of peers. Admission and reconciler use the same functions.
 */
import { hash } from 'node:crypto';
import { memoised } from './memo.ts';

const sha256 = (text: string): string => hash('sha256', text);

/** Identity of a member: no IP in it, since a restart must never change what a pod is. */
export const identityOf = (namespace: string, pod: string, port: number): string =>
  `${namespace}/${pod}:${port}`;

/** More identities and keys than a cluster of the size that we are made for has. */
const DIGESTS_KEPT = 16_384;

/** First 8 hex digits of the identity's SHA-256: short enough to list a whole view on a pod. */
export const digestOf = memoised((identity) => sha256(identity).slice(0, 8), DIGESTS_KEPT);

/** Hash of a view: first 16 hex digits of SHA-256 over its sorted identities, one a line. */
export const viewHash = (identities: readonly string[]): string =>
  sha256(inOrder(identities).join('\n')).slice(0, 16);

/** A view is in order already, which is seen in a fifth of the time that sorting takes. */
function inOrder(texts: readonly string[]): readonly string[] {
  for (let index = 1; index < texts.length; index += 1) {
    if ((texts[index - 1] as string) > (texts[index] as string)) return [...texts].sort();
  }
  return texts;
}

const VERSION = 'v1';

/** A view as the value of `stellar.org/peers`: the digests, sorted, with the format's version in front. */
export const formatDigests = (digests: readonly string[]): string =>
  `${VERSION}:${[...digests].sort().join(',')}`;

/** The digests in a `stellar.org/peers` value, or undefined where its version or form is not known. */
export function parseDigests(value: string): readonly string[] | undefined {
  const match = /^v1:((?:[0-9a-f]{8}(?:,|$))*)$/.exec(value);
  const list = match?.[1];
  if (list === undefined || list.endsWith(',')) return undefined;
  return list === '' ? [] : list.split(',');
}

/** First step of MurmurHash3's finalizer. Folding both of two numbers folds what `^` makes of them. */
const fold = (value: number): number => value ^ (value >>> 16);

/** Its other steps: together they spread 32 bits evenly. */
function spread(folded: number): number {
  let h = Math.imul(folded, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return fold(h) >>> 0;
}

/** A digest as the number that weights are made of. */
export const digestNumber = (digest: string): number => Number.parseInt(digest, 16);

/** What a viewer, and a peer, bring into their weight: worked out once where many are weighed. */
export const viewerSeed = (viewer: number): number => fold(spread(fold(viewer)));
export const peerSeed = (peer: number): number => fold(Math.imul(peer, 0x9e3779b1));
export const weightOfSeeds = (viewer: number, peer: number): number => spread(viewer ^ peer);

/**
 * Rendezvous weight of `peer` for `viewer` (both as the number of their digest): the same on every
 * replica, independent of everybody else, so that a newcomer changes only the views that gain it.
 */
export const rendezvousWeight = (viewer: number, peer: number): number =>
  weightOfSeeds(viewerSeed(viewer), peerSeed(peer));

/** Who of many peers is heavy, by place, and how much each weighs, 2³¹ less: whole numbers of 32 bits are the fastest. */
export interface Heavy {
  readonly indices: Int32Array;
  readonly weights: Int32Array;
}

const SIGN = 2 ** 31;
export const asWeight = (signed: number): number => signed + SIGN;

/**
 * Which of many peers, given by their seeds, weigh `least` or more for one viewer, in their order. Says how many.
 * It is the innermost loop of a full plan: `spread` stands in it written out, it makes nothing, and most peers are passed
 * over by the upper half of their weight, which the last step of `spread` leaves as it is.
 */
export function heavyInto(
  { indices, weights }: Heavy,
  viewer: number,
  peers: Int32Array,
  least: number,
): number {
  const bound = (least - SIGN) | 0;
  const upperBound = bound & -0x10000;
  const { length } = peers;
  let found = 0;
  for (let index = 0; index < length; index += 1) {
    let h = Math.imul(viewer ^ (peers[index] as number), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) ^ SIGN;
    if (h < upperBound) continue;
    const weight = h ^ ((h ^ SIGN) >>> 16);
    if (weight < bound) continue;
    indices[found] = index;
    weights[found] = weight;
    found += 1;
  }
  return found;
}
