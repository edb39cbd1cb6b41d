/**
 * Reads all facts for the checks. Each source is read separately, so that missing rights for one do not affect the others.
 * Owns the requests.
 */

import { discoverySettings, listed, type Settings } from '../../app/settings.ts';

import { discover } from '../../peers/discovery/discover.ts';
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import { CERT_SECRET, COMPONENT, LEADER_LEASE } from '../../peers/names.ts';
import type { Trials } from '../../runtime/kube/client.ts';
import { type Kube, KubeError, type KubeObject, type ListQuery } from '../../runtime/kube/port.ts';
import { Deployments, Leases, type Resource, Secrets, StatefulSets } from '../../runtime/kube/resources.ts';
import {
  createStores,
  type WatchedKind as Kind,
  namedSources,
  type Scope,
  validatorSources,
  worldOf,
} from '../../runtime/kube/sources.ts';
import { containerOf } from '../deployed.ts';
import type { FactSource, Facts, WorldSource } from './facts.ts';
import { accountRights, type Right, reviewOf } from './rights.ts';
import { templateOwnersOf } from './template-checks.ts';
import { tryPod } from './trial.ts';

const kind = (apiVersion: string, name: string, plural: string): Resource => ({
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
const AccessReviews = kind('authorization.k8s.io/v1', 'SubjectAccessReview', 'subjectaccessreviews');
const CRD_NAME = 'stellarnodes.stellar.org';

export interface Request extends Pick<Facts, 'when' | 'commandVersion' | 'settings' | 'settingsProblem'> {
  readonly kube: Kube;
  readonly trials: Trials;
  readonly nowMs: () => number;
}

/** Reads all facts. Rejects with KubeError if the cluster cannot be reached. */
export async function gatherFacts(request: Request): Promise<Facts> {
  const { kube, trials, nowMs, ...given } = request;
  const { when, settings } = given;
  const { namespace, watchNamespaces } = settings;
  const isAfter = when === 'after';
  const scope = { ownNamespace: namespace, watchNamespaces: listed(watchNamespaces) };
  const places = scope.watchNamespaces.map((each) => ({ namespace: each }));
  const reader = new Reader();
  const serverVersion = await reader.read('version', '', () => trials.version());
  const named = (source: FactSource, resource: Resource, name: string) =>
    reader.read(source, undefined, () => kube.get({ resource, namespace, name }));
  const list = (source: FactSource, resource: Resource, queries: readonly ListQuery[] = [{}]) =>
    reader.read(source, [], () => listAll(kube, resource, queries));
  const deployment = await named('deployment', Deployments, COMPONENT);
  const [crd, policies, policyBindings, lease, certificatePem, accountRightsMissing, read, networkPolicies] =
    await Promise.all([
      reader.read('crd', undefined, () => kube.get({ resource: Crds, name: CRD_NAME })),
      list('policies', AdmissionPolicies),
      list('policies', PolicyBindings),
      named('lease', Leases, LEADER_LEASE),
      reader.read('certificate', undefined, () => readCertificate(kube, deployment, settings)),
      isAfter ? reader.read('accountRights', [], () => lackingRights(kube, settings)) : [],
      readWorld(kube, scope, reader),
      list('networkPolicies', NetworkPolicies, places.length === 0 ? [{}] : places),
    ]);
  const known = { ...read, discovery: discover(read.world, discoverySettings(settings)) };
  const trial = isAfter ? await reader.read('trial', NO_TRIAL, () => tryPod(trials, known)) : NO_TRIAL;
  return {
    ...{ ...given, ...known, nowMs: nowMs(), unread: reader.unread, serverVersion, crd, deployment },
    ...{ policies, policyBindings, lease, certificatePem, accountRightsMissing, networkPolicies, trial },
  };
}

const NO_TRIAL = { kind: 'none' } as const;

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

/** The objects of all queries; none if the API server does not know the kind. */
async function listAll(kube: Kube, resource: Resource, queries: readonly ListQuery[]): Promise<KubeObject[]> {
  try {
    const lists = await Promise.all(queries.map((query) => kube.list(resource, query)));
    return lists.flatMap(({ items }) => items);
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return [];
    throw error;
  }
}

/** The certificate from the replicas' Secret, without its key. */
async function readCertificate(
  kube: Kube,
  deployment: Fields | undefined,
  { namespace, certDir }: Settings,
): Promise<string | undefined> {
  const name = certDir === '' ? CERT_SECRET : mountedSecret(deployment, certDir);
  if (name === undefined) return undefined;
  const secret = await kube.get({ resource: Secrets, namespace, name });
  const text = textOf(fieldsOf(secret?.data)['tls.crt']);
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
}

/** The name of the Secret that is mounted at `folder`. */
function mountedSecret(deployment: Fields | undefined, folder: string): string | undefined {
  if (!deployment) return undefined;
  const mount = listOf(containerOf(deployment).volumeMounts).find(({ mountPath }) => mountPath === folder);
  const volumes = listOf(fieldsOf(fieldsOf(fieldsOf(deployment.spec).template).spec).volumes);
  const volume = volumes.find(({ name }) => name === mount?.name);
  return textOf(fieldsOf(volume?.secret).secretName);
}

/** The rights that our ServiceAccount should have but does not have. */
async function lackingRights(kube: Kube, settings: Settings): Promise<Right[]> {
  const rights = accountRights(settings);
  const answers = await Promise.all(
    rights.map((right) => kube.create(AccessReviews, reviewOf(right, settings.namespace))),
  );
  return rights.filter((_, index) => fieldsOf(answers[index]?.status).allowed !== true);
}

type Read = Pick<Facts, 'world' | 'services' | 'webhookConfiguration' | 'templateOwners'>;

async function readWorld(kube: Kube, scope: Scope, reader: Reader): Promise<Read> {
  const stores = createStores();
  const raw = new Map<string, KubeObject[]>();
  const readKind = async ({ resource, queries, store, keyOf, project }: Kind<unknown>) => {
    const { plural } = resource;
    const items = await reader.read(plural as WorldSource, [], () =>
      // Who manages what is wanted of StatefulSets.
      listAll(
        kube,
        resource,
        resource === StatefulSets ? queries.map((query) => ({ ...query, unmanaged: false })) : queries,
      ),
    );
    raw.set(plural, items);
    for (const item of items) store.set(keyOf(item), project(item));
  };
  await Promise.all([...validatorSources(scope, stores), ...namedSources(scope, stores)].map(readKind));
  return {
    world: worldOf(stores),
    services: raw.get('services') ?? [],
    webhookConfiguration: raw.get('mutatingwebhookconfigurations')?.[0],
    templateOwners: (raw.get('statefulsets') ?? []).flatMap(templateOwnersOf),
  };
}
