/** Facts of an installation in which every check says ok, and what is changed of them to see one say otherwise. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { discoverySettings, readSettings } from '../../../../app/settings.ts';
import { createAuthority, issueLeaf } from '../../../../certs/authority.ts';
import { evaluate } from '../../../../cli/check/evaluate.ts';
import type { Facts } from '../../../../cli/check/facts.ts';
import { discover } from '../../../../peers/discovery/discover.ts';
import type { Fields } from '../../../../peers/field.ts';
import { type Extra, NOW_MS, networkParts, type Spec } from '../../reconciler/group.ts';
import { type Parts, type Raw, worldWith } from '../../world.ts';

export { NOW_MS };

const ROOT = join(import.meta.dirname, '../../../..');

const read = new Map<string, readonly Fields[]>();

/** The objects of a YAML file of the repository, which is read once; each caller has a copy of its own. */
export function objectsOf(path: string): Fields[] {
  const objects =
    read.get(path) ??
    parseAllDocuments(readFileSync(join(ROOT, path), 'utf8')).map((document) => document.toJS() as Fields);
  read.set(path, objects);
  return structuredClone([...objects]);
}

const only = (path: string, kind: string): Fields[] =>
  objectsOf(path).filter((object) => object.kind === kind);

const HOST = 'stellar-peers-webhook.stellar-peers.svc';
const DAY_MS = 86_400_000;
const VALIDITY = { notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + 89 * DAY_MS };
/** A CA, and what it signed for the webhook. */
export const AUTHORITY = await createAuthority(VALIDITY);
export const LEAF = await issueLeaf(AUTHORITY, { ...VALIDITY, hosts: [HOST] });
/** Another CA, which signed nothing. */
export const STRANGER = await createAuthority(VALIDITY);

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The webhook configuration of the manifests, with this in place of what its entry says. */
export function webhookWith(entry: Record<string, unknown> = {}): Raw {
  const [configuration] = only('manifests/base/webhook.yaml', 'MutatingWebhookConfiguration');
  const [webhook] = (configuration?.webhooks ?? []) as Array<Record<string, unknown>>;
  const { caBundle = base64(AUTHORITY.certPem), ...rest } = entry;
  Object.assign(webhook ?? {}, { clientConfig: { ...(webhook?.clientConfig as object), caBundle } }, rest);
  Object.assign(configuration?.metadata as object, { creationTimestamp: '2025-01-01T00:00:00Z' });
  return configuration as unknown as Raw;
}

export const service = (name: string, spec: Record<string, unknown> = {}): Raw => ({
  metadata: { name, namespace: 'stellar' },
  spec: {
    clusterIP: 'None',
    publishNotReadyAddresses: true,
    selector: { 'app.kubernetes.io/instance': name.replace('-headless', '') },
    ports: [{ port: 11_625, targetPort: 11_625 }],
    ...spec,
  },
});

export const deploymentWith = (
  options: {
    image?: string;
    replicas?: number;
    ready?: number;
    env?: Record<string, string>;
    ageSeconds?: number;
  } = {},
): Fields => {
  const { image = 'registry.example.com:5000/stellar-peers:0.1.0', replicas = 2, ready = replicas } = options;
  const creationTimestamp = new Date(NOW_MS - (options.ageSeconds ?? 86_400) * 1000).toISOString();
  const env = Object.entries(options.env ?? {}).map(([name, value]) => ({ name, value }));
  return {
    metadata: { name: 'stellar-peers', namespace: 'stellar-peers', creationTimestamp },
    spec: { replicas, template: { spec: { containers: [{ name: 'stellar-peers', image, env }] } } },
    status: { readyReplicas: ready },
  };
};

export const leaseWith = (secondsAgo: number, holderIdentity = 'stellar-peers-1'): Fields => ({
  spec: {
    holderIdentity,
    leaseDurationSeconds: 15,
    renewTime: new Date(NOW_MS - secondsAgo * 1000).toISOString(),
  },
});

/** A NetworkPolicy over all validators of a namespace. */
export const policyWith = (spec: Record<string, unknown>, name = 'fence', namespace = 'stellar'): Fields => ({
  metadata: { name, namespace },
  spec: { podSelector: { matchLabels: { 'stellar.org/node-type': 'Validator' } }, ...spec },
});

export interface Change {
  /** Validators; three that know each other, if nothing else is said. */
  readonly specs?: Readonly<Record<string, Spec>>;
  readonly extra?: Extra;
  readonly parts?: Partial<Parts>;
  readonly facts?: Partial<Facts>;
  readonly env?: Readonly<Record<string, string>>;
}

const THREE = { a: {}, b: {}, c: {} };

/** The facts of a healthy installation, but for what is changed. */
export function factsWith({
  specs = THREE,
  extra = {},
  parts = {},
  facts = {},
  env = {},
}: Change = {}): Facts {
  const names = Object.keys(specs);
  const services = parts.services ?? names.map((name) => service(`${name}-headless`));
  const webhook = 'webhook' in parts ? parts.webhook : webhookWith();
  const world = worldWith({ ...networkParts(specs, extra), ...parts, services, webhook });
  const settings = readSettings(env);
  return {
    when: 'after',
    settings,
    commandVersion: '0.1.0',
    nowMs: NOW_MS,
    unread: new Map(),
    serverVersion: 'v1.37.0',
    crd: only('test/cluster/crd.yaml', 'CustomResourceDefinition')[0],
    deployment: deploymentWith(),
    policies: only('manifests/base/policies.yaml', 'ValidatingAdmissionPolicy'),
    policyBindings: only('manifests/base/policies.yaml', 'ValidatingAdmissionPolicyBinding'),
    lease: leaseWith(2),
    certificate: LEAF,
    networkPolicies: [],
    services: [],
    webhookConfiguration: webhook,
    templateOwners: [],
    world,
    discovery: discover(world, discoverySettings(settings)),
    ...facts,
  };
}

/** What every check that does not say ok says, by its id. */
export function complaintsOf(change: Change): Record<string, string> {
  const bad = evaluate(factsWith(change)).filter(({ verdict }) => verdict !== 'ok');
  return Object.fromEntries(bad.map(({ id, verdict, found }) => [id, `${verdict}: ${found}`]));
}
