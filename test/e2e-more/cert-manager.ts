/**
 * cert-manager's own controllers beside a test cluster, and requests to them as people make them. Owns the two processes.
 * `node scripts/setup.mjs --only cert-manager` provides their program and definitions.
 */
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Resource, Secrets } from '../../runtime/kube/resources.ts';
import type { Cluster } from '../cluster/boot.ts';
import { define } from '../cluster/definitions.ts';
import type { Child } from '../cluster/keeper.ts';
import { under } from '../cluster/resources.ts';
import { until } from '../cluster/until.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const CACHE = join(import.meta.dirname, '../../.cache');
const PROGRAM = join(CACHE, 'bin/cert-manager');
const DEFINITIONS = join(CACHE, 'definitions/certmanager/');
const NAMESPACE = 'stellar-peers';
const Certificates: Resource = {
  apiVersion: 'cert-manager.io/v1',
  kind: 'Certificate',
  plural: 'certificates',
};

/** Secrets of the overlay. */
export const CA_SECRET = 'stellar-peers-ca';
export const LEAF_SECRET = 'stellar-peers-webhook-tls';
/** Certificates of the overlay. */
export const CA = 'stellar-peers-ca';
export const LEAF = 'stellar-peers-webhook';
/** The name of an intermediate CA, signed by the CA of the overlay: of its Certificate, its Secret and its Issuer. */
export const INTERMEDIATE = 'stellar-peers-intermediate';
const SECRET_OF: Readonly<Record<string, string>> = {
  [CA]: CA_SECRET,
  [LEAF]: LEAF_SECRET,
  [INTERMEDIATE]: INTERMEDIATE,
};
const textsIn = (pem: string): string[] => pem.match(CERTIFICATE) ?? [];

export const fingerprintOf = (pem: string): string => new X509Certificate(pem).fingerprint256;

/** Applies the definitions of cert-manager's kinds. Call it before the manifests that use these kinds are applied. */
export async function defineCertificates(cluster: Cluster): Promise<void> {
  if (!existsSync(PROGRAM)) {
    throw new Error(`cert-manager is not at ${PROGRAM}: run "node scripts/setup.mjs --only cert-manager"`);
  }
  await define(cluster.kubectl, DEFINITIONS);
}

const FIELDS = { apiVersion: 'cert-manager.io/v1' };
const issuerRef = (name: string) => ({ name, kind: 'Issuer', group: 'cert-manager.io' });

/** An Issuer that signs by the CA in the Secret. */
const issuerOf = (name: string, secretName: string) => ({
  ...FIELDS,
  kind: 'Issuer',
  metadata: { name, namespace: NAMESPACE },
  spec: { ca: { secretName } },
});

/** The intermediate CA as people make it: a Certificate, and an Issuer of its Secret. */
const INTERMEDIATE_OBJECTS = [
  {
    ...FIELDS,
    kind: 'Certificate',
    metadata: { name: INTERMEDIATE, namespace: NAMESPACE },
    spec: {
      isCA: true,
      commonName: 'stellar-peers intermediate CA',
      secretName: INTERMEDIATE,
      privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
      issuerRef: issuerRef(CA),
    },
  },
  issuerOf(INTERMEDIATE, INTERMEDIATE),
];

export class CertManager {
  readonly #cluster: Cluster;
  /** Fills caBundle; may be stopped and continued. */
  readonly cainjector: Child;

  /** Starts both processes; they end with the cluster. */
  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    const start = (part: string) =>
      cluster.keeper.start(part, PROGRAM, [part], { env: { KUBECONFIG: cluster.kubeconfigPath } });
    start('controllers');
    this.cainjector = start('cainjector');
  }

  /** A key of a Secret as text; '' if there is no such key. */
  async pem(secret: string, key: string): Promise<string> {
    const ref = { resource: Secrets, namespace: NAMESPACE, name: secret };
    const { data } = ((await this.#cluster.admin.get(ref)) ?? {}) as { data?: Record<string, string> };
    return Buffer.from(data?.[key] ?? '', 'base64').toString();
  }

  /** Renews as `cmctl renew` does. Resolves, when the Secret has another certificate, to the time that it took, in ms. */
  async renew(certificate: string): Promise<number> {
    const secret = SECRET_OF[certificate] ?? '';
    return this.#change(secret, async () => {
      const ref = { resource: Certificates, namespace: NAMESPACE, name: certificate };
      const condition = {
        type: 'Issuing',
        status: 'True',
        reason: 'ManuallyTriggered',
        message: 'by a test',
        lastTransitionTime: new Date().toISOString(),
      };
      await this.#cluster.admin.patch({ resource: under(ref), namespace: NAMESPACE, name: 'status' }, [
        { op: 'add', path: '/status/conditions/-', value: condition },
      ]);
    });
  }

  /** How many certificates follow the leaf in tls.crt of its Secret, and the CAs in ca.crt. */
  async chain(): Promise<{ readonly behind: number; readonly authorities: readonly string[] }> {
    const [given, authorities] = [
      await this.pem(LEAF_SECRET, 'tls.crt'),
      await this.pem(LEAF_SECRET, 'ca.crt'),
    ];
    return { behind: textsIn(given).length - 1, authorities: textsIn(authorities).map(fingerprintOf) };
  }

  /** Makes the intermediate CA. */
  async makeIntermediate(): Promise<void> {
    for (const each of INTERMEDIATE_OBJECTS) await this.#apply(each);
    await until('there is an intermediate CA', async () => (await this.pem(INTERMEDIATE, 'tls.crt')) !== '');
  }

  /** Makes an Issuer of a Secret with the intermediate CA and `root`, as for a CA that comes from elsewhere. */
  async bringIntermediate(name: string, root: string): Promise<void> {
    const [cert, key] = [await this.pem(INTERMEDIATE, 'tls.crt'), await this.pem(INTERMEDIATE, 'tls.key')];
    const stringData = { 'tls.crt': cert + root, 'tls.key': key, ...(root === '' ? {} : { 'ca.crt': root }) };
    const metadata = { name, namespace: NAMESPACE };
    await this.#apply({ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata, stringData });
    await this.#apply(issuerOf(name, name));
  }

  /** Lets another Issuer sign the leaf. Resolves when the leaf is signed. */
  async signBy(issuer: string): Promise<void> {
    const patch = JSON.stringify({ spec: { issuerRef: issuerRef(issuer) } });
    await this.#change(LEAF_SECRET, () =>
      this.#cluster.kubectl(['-n', NAMESPACE, 'patch', 'certificate', LEAF, '--type=merge', '-p', patch]),
    );
  }

  #apply(object: object): Promise<unknown> {
    return this.#cluster.kubectl(['apply', '-f', '-'], JSON.stringify(object));
  }

  /** Deletes a Secret. Resolves, when there is a new one, to the time that it took, in ms. */
  remove(secret: string): Promise<number> {
    return this.#change(secret, () =>
      this.#cluster.admin.delete({ resource: Secrets, namespace: NAMESPACE, name: secret }, {}),
    );
  }

  /** Renews the CA, and right after it the leaf. */
  async renewBoth(): Promise<void> {
    await this.renew(CA);
    await this.renewLeafOfNewCa();
  }

  /** Renews the leaf until the new CA has signed it, because the Issuer may use the former CA for a moment. */
  async renewLeafOfNewCa(): Promise<void> {
    const authority = new X509Certificate(await this.pem(CA_SECRET, 'tls.crt'));
    await until('the leaf is of the new CA', async () => {
      await this.renew(LEAF);
      return new X509Certificate(await this.pem(LEAF_SECRET, 'tls.crt')).verify(authority.publicKey);
    });
  }

  async #change(secret: string, action: () => Promise<unknown>): Promise<number> {
    const former = await this.pem(secret, 'tls.crt');
    const sinceMs = performance.now();
    await action();
    const isAnother = async () => ![former, ''].includes(await this.pem(secret, 'tls.crt'));
    await until(`${secret} holds another certificate`, isAnother, { everyMs: 10 });
    return performance.now() - sinceMs;
  }
}
