/** The operator's read replicas of a validator: pods that have a validator's labels but are not validators. Pure. */
import type { Key, World } from '../world.ts';

/** The operator's suffix for read replicas. The operator makes no StatefulSet for a StellarNode with such a name. */
const SUFFIX = '-read';

/** The validator whose read replicas the StatefulSet `key` holds; undefined for any other. */
export function validatorRead({ nodes }: Pick<World, 'nodes'>, key: Key): Key | undefined {
  if (!key.endsWith(SUFFIX) || nodes.has(key)) return undefined;
  const validator = key.slice(0, -SUFFIX.length);
  return nodes.get(validator)?.kind === 'validator' ? validator : undefined;
}

/** True if the StatefulSet `key` holds the read replicas of a validator. */
export const isReadReplica = (world: Pick<World, 'nodes'>, key: Key): boolean =>
  validatorRead(world, key) !== undefined;
