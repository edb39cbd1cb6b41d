/**
 * What must hold of every pod that admission returns, told without the code that makes patches.
 */
import assert from 'node:assert/strict';
import type { Fields } from '../../../peers/field.ts';

// biome-ignore lint/suspicious/noExplicitAny: raw pods are read here as a person would read them.
type Raw = any;

const OURS = new Set([
  'stellar.org/peer-hash',
  'stellar.org/peers',
  'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes',
]);

/** Everything that `before` sets stands in `after` unchanged and in order; only our own things are added. */
export function assertUntouched(before: Fields, after: Fields): void {
  const rest = withoutOurs(after, before);
  assert.deepEqual(rest, withoutEmpty(before));
}

/** `after` without what we add, unless `before` has it. */
function withoutOurs(after: Raw, before: Raw): Raw {
  const pod = structuredClone(after);
  for (const key of OURS) {
    const value = before.metadata?.annotations?.[key];
    if (value === undefined) delete pod.metadata?.annotations?.[key];
    else pod.metadata.annotations[key] = value;
  }
  if (has(pod, RELOAD) && !has(before, RELOAD)) assert.equal(pod.spec.initContainers.pop()?.name, RELOAD);
  const merged = isMerged(pod) && !isMerged(before);
  if (merged) withoutMerge(pod);
  pod.spec.volumes = minus(pod.spec.volumes, before.spec.volumes);
  pod.spec.containers.forEach((container: Raw, index: number) => {
    const original = before.spec.containers[index];
    if (merged) moveBack(container, original);
    container.volumeMounts = minus(container.volumeMounts, original.volumeMounts);
    container.env = minus(container.env, original.env);
  });
  return withoutEmpty(pod);
}

const isConfig = (entry: Raw) => entry?.name === 'stellar-peers-config';
const entriesOf = (list: Raw): Raw[] => (Array.isArray(list) ? list : []);
const isMerged = (pod: Raw): boolean => entriesOf(pod.spec.initContainers).some(isConfig);
const RELOAD = 'stellar-peers-reload';
const has = ({ spec }: Raw, wanted: string): boolean =>
  entriesOf(spec.initContainers).some((container) => container?.name === wanted);

/** Takes our init container and our second volume from the ends of their lists. */
function withoutMerge(pod: Raw): void {
  assert.ok(isConfig(pod.spec.initContainers.pop()));
  assert.ok(isConfig(pod.spec.volumes.pop()));
}

/** Puts the mount that was moved aside back to where ours stands; everything else of it must have been kept. */
function moveBack(container: Raw, original: Raw): void {
  const place = entriesOf(container.volumeMounts).findIndex(isConfig);
  if (place < 0) return;
  const moved = container.volumeMounts.pop();
  const places = /^\/(etc\/stellar\/peers-original|stellar-peers\/original)$/;
  assert.match(moved.mountPath, places);
  assert.equal(moved.readOnly, true);
  const { mountPath, readOnly } = original.volumeMounts[place];
  const { readOnly: _, ...rest } = moved;
  assert.deepEqual(container.volumeMounts[place], {
    name: 'stellar-peers-config',
    mountPath,
    readOnly: true,
  });
  container.volumeMounts[place] = { ...rest, mountPath, ...(readOnly === undefined ? {} : { readOnly }) };
}

/** A list without one of ours at its end. */
function minus(list: Raw, original: Raw): Raw {
  const added = (list?.length ?? 0) - (original?.length ?? 0);
  assert.ok(added === 0 || added === 1, `${added} entries were added to one list`);
  return added === 0 ? list : list.slice(0, -1);
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' ? Object.keys(value ?? {}).length === 0 : value === undefined;

/** Missing, null and empty mean the same to the API server. */
function withoutEmpty(value: Raw): Raw {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .map(([key, entry]) => [key, withoutEmpty(entry)])
    .filter(([, entry]) => !isEmpty(entry));
  return Object.fromEntries(entries);
}

/** The pod has exactly one of each of ours, for validator `node`. */
export function assertInjected(pod: Fields, node: string): void {
  const { metadata, spec }: Raw = pod;
  const byDefault = metadata.annotations['kubectl.kubernetes.io/default-container'];
  const named = (wanted: string) => spec.containers.find(({ name }: Raw) => name === wanted);
  const byImage = spec.containers.find(({ image }: Raw) => /(^|\/)stellar-core:/.test(image));
  const main = named('stellar-node') ?? named(byDefault) ?? byImage;
  const volumes = spec.volumes.filter(({ name }: Raw) => name === 'stellar-peers');
  assert.deepEqual(volumes.length, 1);
  assert.equal(volumes[0].configMap.name, 'stellar-peers');
  assert.deepEqual(
    volumes[0].configMap.items.map((item: Raw) => [item.key, item.path]),
    [
      [`${node}.peers.txt`, 'peers.txt'],
      [`${node}.peers.toml`, 'peers.toml'],
    ],
  );
  const isAside = main.volumeMounts.some(({ mountPath }: Raw) => /^\/*etc(\/stellar)?\/*$/.test(mountPath));
  const path = isAside ? '/stellar-peers/peers' : '/etc/stellar/peers';
  const mounts = main.volumeMounts.filter(({ mountPath }: Raw) => mountPath.replace(/\/$/, '') === path);
  assert.deepEqual(
    mounts.map(({ name }: Raw) => name),
    ['stellar-peers'],
  );
  assert.equal(main.env.filter(({ name }: Raw) => name === 'KNOWN_PEERS_FILE').length, 1);
  assert.match(metadata.annotations['stellar.org/peer-hash'], /^[0-9a-f]{16}$/);
  assert.match(metadata.annotations['stellar.org/peers'], /^v1:[0-9a-f,]*$/);
}
