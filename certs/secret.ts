/**
 * The Secret with the managed certificate: the keys of its data, and the only two requests that write it. All replicas take the
 * certificate from this Secret; plan.ts decides what belongs in it.
 */
import { CERT_SECRET, FIELD_MANAGER } from '../peers/names.ts';
import type { Kube, KubeObject } from '../runtime/kube/port.ts';
import { type ObjectRef, Secrets } from '../runtime/kube/resources.ts';
import type { CertContent } from './plan.ts';

/** The key of the Secret for each part. `ca.crt` holds the signing CA, and after it a former CA during a rotation. */
const KEYS = { caPem: 'ca.crt', caKeyPem: 'ca.key', certPem: 'tls.crt', keyPem: 'tls.key' } as const;

const secretRef = (namespace: string): ObjectRef => ({ resource: Secrets, namespace, name: CERT_SECRET });

/** The Secret, or undefined if there is none. */
export const readSecret = (kube: Kube, namespace: string): Promise<KubeObject | undefined> =>
  kube.get(secretRef(namespace));

/** Makes an empty Secret by an apply, which RBAC can restrict to one name. Two applies at once lose no content. */
export const createEmptySecret = (kube: Kube, namespace: string): Promise<KubeObject> =>
  kube.apply(
    secretRef(namespace),
    { metadata: { name: CERT_SECRET, namespace }, type: 'Opaque' },
    { manager: FIELD_MANAGER },
  );

/** Writes into the Secret that was read as `secret`. Rejects with 409 or 404 if it was changed or deleted since. */
export async function fillSecret(kube: Kube, secret: KubeObject, content: CertContent): Promise<void> {
  const { name, namespace, resourceVersion, uid } = secret.metadata;
  if (!resourceVersion || !uid) {
    throw new Error(`Secret ${namespace}/${name} was read without a resourceVersion, so it is not written`);
  }
  const data: Record<string, unknown> = { ...dataOf(secret) };
  for (const [part, key] of parts()) data[key] = Buffer.from(content[part]).toString('base64');
  await kube.replace({ resource: Secrets, namespace, name }, { ...secret, data });
}

/** The content of the Secret. A key that is missing, or whose value is not a text, counts as ''. */
export function contentOf(secret: KubeObject): CertContent {
  const content = { caPem: '', caKeyPem: '', certPem: '', keyPem: '' };
  for (const [part, key] of parts()) {
    const value = dataOf(secret)[key];
    if (typeof value === 'string') content[part] = Buffer.from(value, 'base64').toString('utf8');
  }
  return content;
}

const parts = () => Object.entries(KEYS) as Array<[keyof typeof KEYS, string]>;

const dataOf = (secret: KubeObject): Record<string, unknown> =>
  (secret.data ?? {}) as Record<string, unknown>;
