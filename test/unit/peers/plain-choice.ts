/**
 * Whom a validator should be told of, by the plain rules: each is weighed and sorted, each time. What the product
 * finds by looking at all once is compared with it.
 */
import { createHmac } from 'node:crypto';
import type { Group, Member } from '../../../peers/discovery/discover.ts';
import { weightOf } from '../../../peers/hash.ts';
import { byText, type Key } from '../../../peers/world.ts';

const uids = new WeakMap<Group, ReadonlyMap<Key, string>>();
const digests = new Map<string, Buffer>();

function hmac(group: Group, node: Key): Buffer {
  const uidOf = uids.get(group) ?? new Map(group.validators.map(({ key, uid }) => [key, uid]));
  uids.set(group, uidOf);
  const uid = uidOf.get(node) ?? node;
  const known = digests.get(`${group.salt} ${uid}`);
  const digest = known ?? createHmac('sha256', group.salt).update(uid).digest();
  digests.set(`${group.salt} ${uid}`, digest);
  return digest;
}

/** The view of validator `node` in its group, of at most `size` members, in order of identity. */
export function plainView(node: Key, group: Group, size: number): readonly Member[] {
  const others = group.listed.filter((member) => member.node !== node);
  if (others.length <= size) return others;
  const viewer = hmac(group, node).readInt32BE(0);
  const weights = new Map(
    others.map((member) => {
      const peer = hmac(group, member.node).readInt32BE(4) + Math.imul(member.ordinal + 1, 0x9e3779b1);
      return [member, weightOf(viewer, peer | 0)] as const;
    }),
  );
  const isOwn = (member: Member) => member.namespace === node.split('/')[0];
  const runs = (member: Member) => group.running.has(member);
  const byWeight = (a: Member, b: Member) =>
    (weights.get(b) as number) - (weights.get(a) as number) || byText(a.identity, b.identity);
  const best = (a: Member, b: Member) =>
    Number(runs(b)) - Number(runs(a)) || Number(isOwn(b)) - Number(isOwn(a)) || byWeight(a, b);
  const ofAddress = [...Map.groupBy(others, ({ address }) => address).values()];
  const peers = ofAddress.map((sharing) => sharing.toSorted(best)[0] as Member).sort(byWeight);
  const owns = peers.filter(isOwn);
  const most = Math.max(Math.floor(size / 2), size - owns.length);
  const chosen: Member[] = [];
  for (const isIn of [runs, (member: Member) => !runs(member)]) {
    for (const member of peers.filter(isIn)) {
      const others = chosen.filter((each) => !isOwn(each)).length;
      if (chosen.length < size && (isOwn(member) || others < most)) chosen.push(member);
    }
  }
  return chosen.sort((a, b) => byText(a.identity, b.identity));
}
