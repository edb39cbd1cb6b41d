/** Admission in the simulated API server: before a new pod is stored, the webhooks that select it may patch it. */
import type { KubeObject, PatchOperation } from '../../runtime/kube/port.ts';
import { MutatingWebhookConfigurations, Namespaces } from '../../runtime/kube/resources.ts';
import { fieldsAt, frozen } from './frozen.ts';
import { patched } from './json-patch.ts';
import type { Random } from './random.ts';
import { internalError } from './refusals.ts';
import { objectSelects } from './selectors.ts';
import type { Store } from './store.ts';
import type { SimTime } from './time.ts';

/** A review of a pod CREATE, as the API server sends it. */
export interface AdmissionReview {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: {
    readonly uid: string;
    readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
    readonly operation: string;
    readonly namespace: string;
    readonly name: string;
    readonly dryRun: boolean;
    readonly object: KubeObject;
  };
}

interface Edges {
  readonly store: Store;
  readonly time: SimTime;
  readonly random: Random;
  readonly admit: (review: AdmissionReview) => Promise<readonly PatchOperation[] | undefined>;
}

const TIMEOUT_SECONDS = 10;
/** The only match condition that is understood: a pod opts out by the value of an annotation. */
const OPT_OUT = /annotations\['([^']+)'\]\s*!=\s*'([^']+)'/;

type Fields = Readonly<Record<string, unknown>>;

function selects(entry: Fields, pod: KubeObject, store: Store): boolean {
  const namespace = store.get({ resource: Namespaces, name: pod.metadata.namespace ?? '' });
  const conditions = Array.isArray(entry.matchConditions) ? entry.matchConditions : [];
  return (
    objectSelects(entry.namespaceSelector ?? {}, namespace?.metadata.labels) &&
    objectSelects(entry.objectSelector ?? {}, pod.metadata.labels) &&
    conditions.every((condition) => {
      const [, key = '', value] = OPT_OUT.exec(String(fieldsAt(condition).expression)) ?? [];
      return pod.metadata.annotations?.[key] !== value || value === undefined;
    })
  );
}

function reviewOf(pod: KubeObject, random: Random): AdmissionReview {
  const { name, namespace = '' } = pod.metadata;
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: `review-${random.int(0, 2 ** 32 - 1)}`,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      operation: 'CREATE',
      namespace,
      name,
      dryRun: false,
      object: pod,
    },
  };
}

/**
 * Returns the pod as it is stored. A webhook that fails or is late is ignored, unless its policy is Fail. A patch that does
 * not apply is a 500, whatever the policy.
 */
export async function admitPod(pod: KubeObject, { store, time, random, admit }: Edges): Promise<KubeObject> {
  let current = frozen(pod);
  for (const configuration of store.all(MutatingWebhookConfigurations)) {
    const entries = Array.isArray(configuration.webhooks) ? configuration.webhooks.map(fieldsAt) : [];
    for (const entry of entries) {
      if (!selects(entry, current, store)) continue;
      const { promise, resolve, reject } = Promise.withResolvers<undefined>();
      const late = () =>
        entry.failurePolicy === 'Fail' ? reject(internalError('failed calling webhook')) : resolve(undefined);
      const stop = time.schedule(Number(entry.timeoutSeconds ?? TIMEOUT_SECONDS) * 1000, late);
      const answered = admit(reviewOf(current, random)).catch(() => void late());
      const operations = await Promise.race([answered, promise]);
      stop();
      if (operations && operations.length > 0) current = applied(current, operations);
    }
  }
  return current;
}

function applied(pod: KubeObject, operations: readonly PatchOperation[]): KubeObject {
  try {
    return frozen(patched(pod, operations));
  } catch (cause) {
    throw internalError(`the webhook's patch does not apply: ${String(cause)}`);
  }
}
