/** The HTTP ports in a history: which are open, and which give old answers. */
import type { Random } from '../random.ts';

/** `late`: answers with the state of `ms` ago. `stops`: closes at `atMs`. */
export type PortPlan =
  | { readonly kind: 'open' }
  | { readonly kind: 'late'; readonly ms: number }
  | { readonly kind: 'stops'; readonly atMs: number };

interface WithPort {
  /** Its HTTP port; default: closed. */
  readonly port?: PortPlan | undefined;
}

const MINUTE_MS = 60_000;

/** In some histories, opens the ports of some nodes; some of them give old answers or stop answering. */
export function withPorts<T extends object>(nodes: readonly T[], random: Random): Array<T & WithPort> {
  if (!random.chance(0.3)) return [...nodes];
  const ports = (): ReadonlyArray<PortPlan | undefined> => [
    ...[{ kind: 'open' } as const, { kind: 'open' } as const, undefined],
    { kind: 'late', ms: random.int(1, 15) * MINUTE_MS },
    { kind: 'stops', atMs: random.int(1, 10) * MINUTE_MS },
  ];
  return nodes.map((node) => ({ ...node, port: random.pick(ports()) }));
}
