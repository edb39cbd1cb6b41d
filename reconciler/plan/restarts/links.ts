/**
 * Links: two validators are linked if either runs with a list that names the other, since that one dials. If a
 * validator's HTTP port answers, its connections confirm or refute its links. Pure.
 */
import type { Cluster, Discovery, Group, Member } from '../../../peers/discovery/discover.ts';
import { digestsOfPod, podOf } from '../../../peers/discovery/pods.ts';
import { preferredSiblings, readsNoList } from '../../../peers/injection/merge-outcome.ts';
import { lazy } from '../../../peers/lazy.ts';
import { publishedView } from '../../../peers/views/views.ts';
import type { PodFacts, World } from '../../../peers/world.ts';
import { type Evidence, type EvidenceByPod, evidenceIn, NOTHING } from '../signals/evidence.ts';
import { hasReadPublished, type Links } from './drift.ts';

const NONE: ReadonlySet<string> = new Set();

interface LinksInput extends Cluster {
  readonly ownNamespace: string;
}

/** Which members of one group name which others; computed at the first use. */
export class GroupLinks implements Links {
  readonly #group: Group;
  readonly #world: World;
  readonly #discovery: Discovery;
  readonly #evidence: EvidenceByPod;
  readonly #naming = lazy(() => this.#namingNow());
  readonly #digests = lazy(() => new Map(this.#group.members.map(({ podKey, digest }) => [podKey, digest])));
  readonly #dropping = lazy(
    () => new Set(this.#group.members.filter(this.#isDropping).map(({ digest }) => digest)),
  );

  constructor(group: Group, { world, discovery, ownNamespace }: LinksInput) {
    this.#group = group;
    this.#world = world;
    this.#discovery = discovery;
    this.#evidence = evidenceIn(world.configMaps.get(ownNamespace));
  }

  /**
   * Digests of the members that the pod is linked to, apart from its own list. These are the members that name the pod,
   * without those that its port showed as not connected for ten minutes, and all that its port ever showed as
   * connected.
   */
  linkedTo(pod: PodFacts): ReadonlySet<string> {
    const naming = this.naming(pod);
    const { seen, apart } = this.shownBy(pod);
    if (seen.length + apart.length === 0) return naming;
    return new Set([...[...naming].filter((digest) => !apart.includes(digest)), ...seen]);
  }

  /** The evidence of the pod's HTTP port about its connections. */
  shownBy({ uid }: PodFacts): Pick<Evidence, 'seen' | 'apart'> {
    return this.#evidence.get(uid) ?? NOTHING;
  }

  /** True for a member that drops peers which it does not prefer. A restart to learn its name may gain nothing. */
  mayDrop(digest: string): boolean {
    return this.#dropping().has(digest);
  }

  readonly #isDropping = (member: Member): boolean =>
    podOf(member, this.#world, this.#discovery)?.mergeOutcome?.code === 'PeersIgnored';

  /** The evidence of all these pods about a peer; null if they do not agree or show nothing. */
  shownOf(pods: readonly PodFacts[], digest: string): 'connected' | 'apart' | null {
    const all = pods.map((pod) => this.shownBy(pod));
    if (all.length === 0) return null;
    if (all.every(({ seen }) => seen.includes(digest))) return 'connected';
    return all.every(({ apart }) => apart.includes(digest)) ? 'apart' : null;
  }

  /** Digests of the members whose pods run with a list that names this pod. */
  naming(pod: PodFacts): ReadonlySet<string> {
    return this.#naming().get(this.#digests().get(pod.key) ?? '') ?? NONE;
  }

  #namingNow(): ReadonlyMap<string, ReadonlySet<string>> {
    const found = new Map<string, Set<string>>();
    for (const member of this.#group.members) {
      for (const named of this.#namedBy(member)) {
        const naming = found.get(named) ?? new Set();
        found.set(named, naming.add(member.digest));
      }
    }
    return found;
  }

  /** The list that a member's stellar-core dials; empty if it runs without a list. */
  #namedBy(member: Member): readonly string[] {
    const pod = podOf(member, this.#world, this.#discovery);
    if (!pod?.running || pod.deleting || !pod.injected || readsNoList(pod.mergeOutcome)) return [];
    const name = member.node.slice(member.namespace.length + 1);
    const published = publishedView(this.#world.configMaps.get(member.namespace), name);
    const listed =
      published && hasReadPublished(pod, published) ? published.digests : (digestsOfPod(pod) ?? []);
    return this.dialled(pod, listed);
  }

  /** The first entries of the list, which is in order of identity. */
  dialled(pod: PodFacts, listed: readonly string[]): readonly string[] {
    const told = preferredSiblings(pod.mergeOutcome) ?? listed.length;
    // If there was room for all that the pod started with, the merge does not show how many the next one will let in.
    const count = told >= (digestsOfPod(pod)?.length ?? 0) ? listed.length : told;
    if (count >= listed.length) return listed;
    const digests = new Set(listed);
    return this.#group.members
      .filter(({ digest }) => digests.has(digest))
      .slice(0, count)
      .map(({ digest }) => digest);
  }
}
