/** Which pods of a history have a sidecar, and what each of these does. */
import type { Random } from '../random.ts';

const SECOND_MS = 1_000;

/** `tells`: the pod is linked to new peers `afterMs` after their publication. `never`: it runs but makes no link. */
export type SidecarPlan =
  | { readonly kind: 'tells'; readonly afterMs: number }
  | { readonly kind: 'never' }
  | { readonly kind: 'crashes' };

interface WithSidecar {
  /** The sidecar of the node's injected pods; undefined for none. */
  readonly sidecar?: SidecarPlan | undefined;
}

/** In some histories, gives the pods of some nodes a sidecar. */
export function withSidecars<T extends object>(nodes: readonly T[], random: Random): Array<T & WithSidecar> {
  if (!random.chance(0.4)) return [...nodes];
  const sidecars = (): ReadonlyArray<SidecarPlan | undefined> => [
    { kind: 'tells', afterMs: random.int(1, 20) * SECOND_MS },
    { kind: 'tells', afterMs: random.int(60, 900) * SECOND_MS },
    ...[{ kind: 'never' } as const, { kind: 'crashes' } as const, undefined],
  ];
  return nodes.map((node) => ({ ...node, sidecar: random.pick(sidecars()) }));
}

/** How long the leader relies on a sidecar. The times are short, so that each of them ends within a history. */
export const reloadSettings = (random: Random): Record<string, string> => ({
  PEER_RELOAD: 'off',
  RELOAD_SECONDS: random.pick(['10', '30', '120']),
  RELOAD_DEADLINE_SECONDS: random.pick(['60', '180', '600']),
});
