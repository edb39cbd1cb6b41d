/** Whose HTTP ports are open in a history, and how they lie. */
import type { Random } from '../random.ts';

/** `late` answers with what was so that long ago; `stops` closes at that time. */
export type PortPlan =
  | { readonly kind: 'open' }
  | { readonly kind: 'late'; readonly ms: number }
  | { readonly kind: 'stops'; readonly atMs: number };

interface WithPort {
  /** Its HTTP port; closed without it. */
  readonly port?: PortPlan | undefined;
}

const MINUTE_MS = 60_000;

/** In some histories the ports of some are open, or lie late, or stop to answer. */
export function withPorts<T extends object>(nodes: readonly T[], random: Random): Array<T & WithPort> {
  if (!random.chance(0.3)) return [...nodes];
  const ports = (): ReadonlyArray<PortPlan | undefined> => [
    ...[{ kind: 'open' } as const, { kind: 'open' } as const, undefined],
    { kind: 'late', ms: random.int(1, 15) * MINUTE_MS },
    { kind: 'stops', atMs: random.int(1, 10) * MINUTE_MS },
  ];
  return nodes.map((node) => ({ ...node, port: random.pick(ports()) }));
}
