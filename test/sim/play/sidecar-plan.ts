/** Which pods of a history have a sidecar, and what each of these does. */
import type { Random } from '../random.ts';

const SECOND_MS = 1_000;

/** `tells`: so long after a list is published the links are there. `never`: it runs, and no link comes of it. */
export type SidecarPlan =
  | { readonly kind: 'tells'; readonly afterMs: number }
  | { readonly kind: 'never' }
  | { readonly kind: 'crashes' };

interface WithSidecar {
  /** The sidecar of its injected pods; none without it. */
  readonly sidecar?: SidecarPlan | undefined;
}

/** In some histories pods of some have a sidecar. */
export function withSidecars<T extends object>(nodes: readonly T[], random: Random): Array<T & WithSidecar> {
  if (!random.chance(0.4)) return [...nodes];
  const sidecars = (): ReadonlyArray<SidecarPlan | undefined> => [
    { kind: 'tells', afterMs: random.int(1, 20) * SECOND_MS },
    { kind: 'tells', afterMs: random.int(60, 900) * SECOND_MS },
    ...[{ kind: 'never' } as const, { kind: 'crashes' } as const, undefined],
  ];
  return nodes.map((node) => ({ ...node, sidecar: random.pick(sidecars()) }));
}

/** How long a sidecar is believed; short, so that each end comes within a history. The plan says which pods have one. */
export const reloadSettings = (random: Random): Record<string, string> => ({
  PEER_RELOAD: 'off',
  RELOAD_SECONDS: random.pick(['10', '30', '120']),
  RELOAD_DEADLINE_SECONDS: random.pick(['60', '180', '600']),
});
