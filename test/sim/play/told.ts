/** The peers that sidecars have told their stellar-core of. */
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { publishedFor } from './members.ts';
import { sidecarOf } from './sidecars.ts';
import type { Stage } from './stage.ts';

/** For how long the present list of a validator has been published, in ms; undefined if there is none. */
export function publishedForMs(key: string, stage: Stage): number | undefined {
  const published = publishedFor(stage, key);
  return published && stage.time.nowMs() - published.atMs;
}

/** The peers that the pod's sidecar has told stellar-core of so far. */
export function toldBySidecar(pod: KubeObject, key: string, stage: Stage): readonly string[] {
  const sidecar = sidecarOf(pod, stage.plan);
  if (sidecar?.kind !== 'tells' || (publishedForMs(key, stage) ?? 0) < sidecar.afterMs) return [];
  return publishedFor(stage, key)?.digests ?? [];
}
