/**
 * Reads everything that checks look at, each part by itself: a part that the caller may not read is noted, and the other
 * parts are read all the same. Owns the requests.
 */

import { listed, type Settings } from '../../app/settings.ts';
import { contentOf } from '../../certs/secret.ts';
import type { Issued } from '../../certs/source.ts';
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import {
  CERT_SECRET,
  COMPONENT,
  LEADER_LEASE,
  STATEFULSET_SELECTOR,
  WEBHOOK_CONFIGURATION,
} from '../../peers/names.ts';
import { type Kube, KubeError, type KubeObject, type ListQuery } from '../../runtime/kube/port.ts';
import * as kinds from '../../runtime/kube/resources.ts';
import { createStores, worldOf } from '../../runtime/kube/sources.ts';
import { containerOf } from '../deployed.ts';
import type { Session } from '../session.ts';
import { evaluateWorld, readCluster } from '../snapshot.ts';
import type { FactSource, Facts } from './facts.ts';
import { templateOwnersOf } from './template-checks.ts';

const kind = (apiVersion: string, name: string, plural: string): kinds.Resource => ({
  apiVersion,
  kind: name,
  plural,
});
const Crds = kind('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions');
const NetworkPolicies = kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies');
const ADMISSION = 'admissionregistration.k8s.io/v1';
const AdmissionPolicies = kind(ADMISSION, 'ValidatingAdmissionPolicy', 'validatingadmissionpolicies');
const PolicyBindings = kind(
  ADMISSION,
  'ValidatingAdmissionPolicyBinding',
  'validatingadmissionpolicybindings',
);
const CRD_NAME = 'stellarnodes.stellar.org';

export type Request = Pick<Facts, 'when' | 'commandVersion'> & Pick<Session, 'kube' | 'settings' | 'nowMs'>;

/** Reads all facts. Rejects with KubeError if the cluster cannot be reached. */
export async function gatherFacts(request: Request): Promise<Facts> {
  const { kube, settings, when, commandVersion } = request;
  const { namespace } = settings;
  const watched = listed(settings.watchNamespaces);
  const inScope = (query: ListQuery) =>
    watched.length === 0 ? [query] : watched.map((each) => ({ ...query, namespace: each }));
  const reader = new Reader();
  const serverVersion = await reader.read('version', '', () => kube.version());
  const named = (source: FactSource, ref: kinds.ObjectRef) =>
    reader.read(source, undefined, () => kube.get(ref));
  const list = (source: FactSource, resource: kinds.Resource, queries: readonly ListQuery[] = [{}]) =>
    reader.read(source, [], () => listAll(kube, resource, queries));
  const deployment = await named('deployment', { resource: kinds.Deployments, namespace, name: COMPONENT });
  const [
    snapshot,
    crd,
    policies,
    policyBindings,
    lease,
    webhookConfiguration,
    certificate,
    templates,
    network,
    services,
  ] = await Promise.all([
    reader.read('world', nothingIn(request), () => readCluster(request)),
    named('crd', { resource: Crds, name: CRD_NAME }),
    list('policies', AdmissionPolicies),
    list('policies', PolicyBindings),
    named('lease', { resource: kinds.Leases, namespace, name: LEADER_LEASE }),
    named('webhook', { resource: kinds.MutatingWebhookConfigurations, name: WEBHOOK_CONFIGURATION }),
    reader.read('certificate', undefined, () => readCertificate(kube, deployment, settings)),
    list('templates', kinds.StatefulSets, inScope({ labelSelector: STATEFULSET_SELECTOR })),
    list('networkPolicies', NetworkPolicies, inScope({})),
    list('services', kinds.Services, inScope({})),
  ]);
  return {
    ...{ when, commandVersion, unread: reader.unread, serverVersion, ...snapshot },
    ...{ crd, deployment, policies, policyBindings, lease, webhookConfiguration, certificate },
    ...{ templateOwners: templates.flatMap(templateOwnersOf), networkPolicies: network, services },
  };
}

/** The facts of an empty cluster, for a caller who may not read the cluster. */
const nothingIn = ({ settings, nowMs }: Request) => evaluateWorld(worldOf(createStores()), settings, nowMs());

/** Notes sources that cannot be read, and goes on. Rejects only if the cluster cannot be reached at all. */
class Reader {
  readonly unread = new Map<FactSource, string>();

  async read<T>(source: FactSource, instead: T, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof KubeError) || error.status === 0 || error.status === 401) throw error;
      this.unread.set(source, whyNot(error));
      return instead;
    }
  }
}

/** The missing right, from the API server's message; for another failure, the message itself. */
function whyNot({ status, message }: KubeError): string {
  const [, right] = /cannot (\w+ resource .*)$/s.exec(message) ?? [];
  return status === 403 && right !== undefined ? `you may not ${right}` : message;
}

async function listAll(kube: Kube, resource: kinds.Resource, queries: readonly ListQuery[]) {
  const lists = await Promise.all(queries.map((query) => kube.list<KubeObject>(resource, query)));
  return lists.flatMap(({ items }) => items);
}

/** The certificate and key in the Secret from which the replicas serve. */
async function readCertificate(
  kube: Kube,
  deployment: Fields | undefined,
  { namespace, certDir }: Settings,
): Promise<Issued | undefined> {
  const name = certDir === '' ? CERT_SECRET : mountedSecret(deployment, certDir);
  if (name === undefined) return undefined;
  const secret = await kube.get({ resource: kinds.Secrets, namespace, name });
  const content = secret && contentOf(secret);
  return content?.certPem ? content : undefined;
}

function mountedSecret(deployment: Fields | undefined, folder: string): string | undefined {
  if (!deployment) return undefined;
  const mount = listOf(containerOf(deployment).volumeMounts).find(({ mountPath }) => mountPath === folder);
  const volumes = listOf(fieldsOf(fieldsOf(fieldsOf(deployment.spec).template).spec).volumes);
  const volume = volumes.find(({ name }) => name === mount?.name);
  return textOf(fieldsOf(volume?.secret).secretName);
}
