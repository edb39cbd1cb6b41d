/** ConfigMaps under the conformance checks, and how a refusal reads. */
import { KubeError, type KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps } from '../../runtime/kube/resources.ts';
import type { Conformant } from './conformant.ts';

export const NAME = 'subject';
export const refIn = (namespace: string) => ({ resource: ConfigMaps, namespace, name: NAME });
export const body = (namespace: string, data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: NAME, namespace },
  data,
});

/** The status and reason of a refusal, as `409 Conflict`. Fails if the request is not refused. */
export async function refusal(request: Promise<unknown>): Promise<string> {
  try {
    await request;
  } catch (error) {
    if (error instanceof KubeError) return `${error.status} ${error.reason}`;
    throw error;
  }
  return 'no refusal';
}

/** A ConfigMap of two managers: `a` applied by the first, `b` by the second. */
export async function ofTwo({ kube, namespace }: Conformant) {
  const space = await namespace();
  const ref = refIn(space);
  await kube.apply(ref, body(space, { a: '1' }), { manager: 'first' });
  const object = await kube.apply(ref, body(space, { b: '1' }), { manager: 'second' });
  return { kube, space, ref, object };
}

export const dataOf = async ({ kube, ref }: Awaited<ReturnType<typeof ofTwo>>) => (await kube.get(ref))?.data;
