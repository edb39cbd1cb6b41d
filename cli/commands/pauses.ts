/** Finds the objects that pause restarts, and makes the World as it would be with another value on them. Pure. */
import { PAUSED, PEERS_CONFIGMAP } from '../../peers/names.ts';
import { type Key, keyOf, type NodeReading, type World } from '../../peers/world.ts';
import { ConfigMaps, Namespaces, type ObjectRef, StellarNodes } from '../../runtime/kube/resources.ts';
import { type ClusterSnapshot, evaluateWorld } from '../snapshot.ts';

/** The object that pauses everything. */
export const everythingOf = ({ settings }: ClusterSnapshot): ObjectRef => ({
  resource: ConfigMaps,
  namespace: settings.namespace,
  name: PEERS_CONFIGMAP,
});

/** True if an annotation on the object applies to the validator. */
export function isWithin(key: Key, { resource, namespace, name }: ObjectRef): boolean {
  if (resource === ConfigMaps) return true;
  return resource === Namespaces ? key.startsWith(`${name}/`) : key === keyOf(namespace ?? '', name);
}

/** The value of `stellar.org/peer-rollout` on the object. */
export function rolloutOn(world: World, { resource, namespace, name }: ObjectRef): string | undefined {
  if (resource === ConfigMaps) return world.configMaps.get(namespace ?? '')?.rollout;
  if (resource === Namespaces) return world.namespaces.get(name)?.rollout;
  const reading = world.nodes.get(keyOf(namespace ?? '', name));
  return reading?.kind === 'validator' ? reading.validator.rollout : undefined;
}

/** All objects that pause one of these validators. */
export function pausesOf(keys: Iterable<Key>, snapshot: ClusterSnapshot): ObjectRef[] {
  const named = [...keys].flatMap((key) => {
    const [namespace = '', name = ''] = key.split('/');
    return [
      { id: namespace, ref: { resource: Namespaces, name: namespace } },
      { id: key, ref: { resource: StellarNodes, namespace, name } },
    ];
  });
  const refs = new Map(named.map(({ id, ref }) => [id, ref] as const));
  return [everythingOf(snapshot), ...refs.values()].filter(
    (ref) => rolloutOn(snapshot.world, ref) === PAUSED,
  );
}

/** The cluster as it would be with the annotation on these objects. */
export const withRolloutOn = (
  snapshot: ClusterSnapshot,
  refs: readonly ObjectRef[],
  rollout: string | undefined,
): ClusterSnapshot =>
  evaluateWorld(withRollout(snapshot.world, refs, rollout), snapshot.settings, snapshot.nowMs);

function withRollout(world: World, refs: readonly ObjectRef[], rollout: string | undefined): World {
  const configMaps = new Map(world.configMaps);
  const namespaces = new Map(world.namespaces);
  const nodes = new Map<Key, NodeReading>(world.nodes);
  for (const { resource, namespace = '', name } of refs) {
    const map = configMaps.get(namespace);
    const space = namespaces.get(name);
    const node = nodes.get(keyOf(namespace, name));
    if (resource === ConfigMaps && map) configMaps.set(namespace, { ...map, rollout });
    else if (resource === Namespaces && space) namespaces.set(name, { ...space, rollout });
    else if (node?.kind === 'validator') {
      nodes.set(keyOf(namespace, name), { ...node, validator: { ...node.validator, rollout } });
    }
  }
  return { ...world, configMaps, namespaces, nodes };
}
