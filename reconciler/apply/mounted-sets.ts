/**
 * Reads quorum sets from the ConfigMaps that validators mount as their configuration. Only right before a restart, only
 * if the Namespace asks for it and a Role allows it, and only for validators whose StellarNode does not give the set. A
 * set that cannot be read stays unknown, and holds restarts.
 */

import { type QuorumReading, readQuorumSet } from '../../peers/core/quorum-set.ts';
import { ownStatefulSet } from '../../peers/discovery/discover.ts';
import { stringsOf } from '../../peers/field.ts';
import { placeOfConfig } from '../../peers/injection/merge.ts';
import { mainContainerOf } from '../../peers/read/pod-shape.ts';
import type { StatefulSetFacts, Validator, World } from '../../peers/world.ts';
import type { Clock } from '../../runtime/clock.ts';
import { hasStatus, type Kube, KubeError, type KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps } from '../../runtime/kube/resources.ts';
import { quorumOf, setIn, withReading } from '../plan/quorum/quorum-units.ts';
import { READ_BEFORE_RESTART } from '../plan/quorum/quorum-verdict.ts';

/**
 * The time limit for these reads: the live reads before them get old meanwhile, and tenants decide how many there are.
 * Sets that take longer stay unknown.
 */
const READS_MS_MAX = 2_000;

interface Source {
  readonly kube: Pick<Kube, 'get'>;
  /** Without a clock, the reads have no time limit. */
  readonly clock: Clock | undefined;
}

/**
 * The World with the quorum sets that validators of the namespace mount; undefined if there is nothing to read. A set
 * that cannot be read is unknown, and holds only validators of that namespace.
 */
export async function withMountedSets(
  source: Source,
  world: World,
  namespace: string,
): Promise<World | undefined> {
  const facts = world.namespaces.get(namespace);
  if (facts?.quorumUnknown !== READ_BEFORE_RESTART) return undefined;
  const lateAtMs = nowMsOf(source) + READS_MS_MAX;
  const nodes = new Map(world.nodes);
  // One after the other, so that the memory for one tenant's ConfigMap is free before the next is read.
  for (const unknown of unknownIn(world, namespace)) {
    const reading = await mountedSet(source, unknown, world, lateAtMs);
    nodes.set(unknown.key, { kind: 'validator', validator: withSet(unknown, reading) });
  }
  // The sets are read, so the annotation counts like `hold` from here on: sets that are still unknown hold restarts.
  const namespaces = new Map(world.namespaces).set(namespace, { ...facts, quorumUnknown: 'was read' });
  return { ...world, nodes, namespaces };
}

function unknownIn({ nodes }: World, namespace: string): Validator[] {
  const validators = [...nodes.values()].flatMap((each) =>
    each.kind === 'validator' ? [each.validator] : [],
  );
  return validators.filter((each) => each.namespace === namespace && !setIn(quorumOf(each)));
}

function withSet(validator: Validator, reading: QuorumReading): Validator {
  const before = quorumOf(validator);
  if ('set' in reading || !('problem' in before)) return withReading(validator, reading);
  return withReading(validator, { problem: `${before.problem}; ${reading.problem}` });
}

/** Reads the quorum set that one validator mounts. Never rejects. */
async function mountedSet(
  source: Source,
  validator: Validator,
  world: World,
  lateAtMs: number,
): Promise<QuorumReading> {
  const statefulSet = ownStatefulSet(world, validator);
  const place = statefulSet && placeOf(statefulSet, validator.config);
  if (!place) return { problem: 'it mounts no ConfigMap that is known as its configuration' };
  const { name, file } = place;
  const isLate = () => nowMsOf(source) > lateAtMs;
  const ref = { resource: ConfigMaps, namespace: validator.namespace, name };
  const reading = isLate()
    ? TOO_LATE
    : await source.kube.get(ref).then((map) => readingOf(map, file), unread);
  const found = isLate() ? TOO_LATE : reading;
  return 'set' in found ? found : { problem: `ConfigMap ${name}${found.problem}` };
}

/** This text, and those of the problems below, follow the name of the ConfigMap. */
const TOO_LATE: QuorumReading = { problem: ' could not be read in time' };

const nowMsOf = ({ clock }: Source): number => clock?.monotonicMs() ?? 0;

function readingOf(map: KubeObject | undefined, file: string): QuorumReading {
  const data = stringsOf(map?.data);
  const text = Object.hasOwn(data, file) ? data[file] : undefined;
  if (text === undefined) return { problem: ` has no key ${file}` };
  const reading = readQuorumSet(text);
  return 'set' in reading ? reading : { problem: `, ${reading.problem}` };
}

function unread(error: unknown): QuorumReading {
  if (hasStatus(error, 403)) return { problem: ' may not be read (manifests/quorum-sets)' };
  return { problem: ` could not be read (${error instanceof KubeError ? error.status : 'no answer'})` };
}

/** The ConfigMap that is mounted as stellar-core's configuration, and the key in it; found as for a merge. */
function placeOf(
  { template }: StatefulSetFacts,
  annotation: string | undefined,
): { readonly name: string; readonly file: string } | undefined {
  const main = mainContainerOf(template);
  const found = main && placeOfConfig(template, main, { annotation, mode: 'auto' });
  if (found?.kind !== 'merge') return undefined;
  const { name: volume } = main?.mounts[found.mount] ?? {};
  const { configMap: name, items = [] } = template.volumes.find((each) => each.name === volume) ?? {};
  const file = items.length === 0 ? found.file : items.find(({ path }) => path === found.file)?.key;
  return name === undefined || file === undefined ? undefined : { name, file };
}
