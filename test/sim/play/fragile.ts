/** The witness' record of ports that report that one more failure would stop their validator. */
import { isUncounted } from './margins.ts';
import type { Stage } from './stage.ts';
import { isUp, podsOf, split } from './standing.ts';
import type { Witness } from './witness.ts';

/**
 * Why no validator of the namespace and network of `node` may be restarted: the pod whose port has reported this for longer
 * than `forMs`. Undefined if there is none, or if `node` itself was not synced within that time, so it has no vote to lose.
 */
export function fragileBeside(
  node: string,
  { stage, witness, forMs }: { readonly stage: Stage; readonly witness: Witness; readonly forMs: number },
): string | undefined {
  const { plan, server } = stage;
  const upOf = (key: string) => podsOf(server.store, key).filter(isUp);
  if (upOf(node).some((pod) => witness.cores.isUnsynced(pod, forMs))) return undefined;
  const planned = plan.nodes.find(({ namespace, name }) => `${namespace}/${name}` === node);
  const neighbours = witness
    .ofNetwork(planned?.network ?? 0)
    .filter((key) => split(key).namespace === planned?.namespace)
    .filter((key) => key === node || !isUncounted(key, witness));
  const pod = neighbours.flatMap(upOf).find((each) => (witness.cores.fragileForMs(each) ?? -1) >= forMs);
  return pod && `${pod.metadata.name} says that one more failure stops it`;
}
