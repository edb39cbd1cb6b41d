/** The review of a built-in test pod, by which the leader checks the webhook, and the check of the answer. */
import { type Fields, fieldsOf, listOf, textOf } from '../field.ts';
import {
  LABEL_NODE_TYPE,
  MAIN_CONTAINER,
  MOUNT_PATH,
  NODE_TYPE_VALIDATOR,
  PEERS_CONFIGMAP,
  PREFLIGHT_NODE,
  VOLUME_NAME,
} from '../names.ts';

const PREFLIGHT_POD = `${PREFLIGHT_NODE}-0`;

/** The test pod. It is in our own namespace, which the shipped webhook configuration never selects. */
function preflightPod(ownNamespace: string) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: PREFLIGHT_POD,
      namespace: ownNamespace,
      labels: { [LABEL_NODE_TYPE]: NODE_TYPE_VALIDATOR },
    },
    spec: {
      containers: [
        { name: 'sidecar', image: 'sidecar' },
        {
          name: MAIN_CONTAINER,
          image: 'stellar-core',
          env: [{ name: 'NETWORK_PASSPHRASE', value: 'probe' }],
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ],
      volumes: [{ name: 'data', emptyDir: {} }],
    },
  };
}

/** The AdmissionReview to send. It is a dry run, so that the pod does not count as a real one. */
export function preflightReview(uid: string, ownNamespace: string) {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      name: PREFLIGHT_POD,
      namespace: ownNamespace,
      operation: 'CREATE',
      dryRun: true,
      object: preflightPod(ownNamespace),
    },
  };
}

/** True if a review is for the test pod of the installation in `ownNamespace`. */
export const isPreflight = (
  review: { readonly namespace: string; readonly name: string; readonly dryRun: boolean },
  ownNamespace: string,
): boolean => review.dryRun && review.namespace === ownNamespace && review.name === PREFLIGHT_POD;

/**
 * The problem of the answer to preflightReview(uid), in words; undefined if the pod would be injected. Other fields and
 * operations are not checked, because another version of stellar-peers may answer during an upgrade.
 */
export function preflightProblem(answer: unknown, uid: string): string | undefined {
  const response = fieldsOf(fieldsOf(answer).response);
  if (response.uid !== uid) return 'the answer is not an AdmissionReview with the uid that was sent';
  if (response.allowed !== true) return 'the answer denies the pod';
  const operations = decodePatch(response.patch);
  if (response.patchType !== 'JSONPatch' || operations === undefined)
    return 'the answer carries no JSON Patch';
  const added = operations.flatMap(({ value }) => (Array.isArray(value) ? listOf(value) : [fieldsOf(value)]));
  if (!added.some(isOurVolume)) return `the patch adds no volume ${VOLUME_NAME}`;
  if (!added.some(isOurMount)) return `the patch mounts nothing at ${MOUNT_PATH}`;
  return undefined;
}

const isOurVolume = (value: Fields): boolean =>
  value.name === VOLUME_NAME && fieldsOf(value.configMap).name === PEERS_CONFIGMAP;

const isOurMount = (value: Fields): boolean => value.name === VOLUME_NAME && value.mountPath === MOUNT_PATH;

function decodePatch(patch: unknown): readonly Fields[] | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(textOf(patch) ?? '', 'base64').toString('utf8'));
    return Array.isArray(parsed) ? listOf(parsed) : undefined;
  } catch {
    return undefined;
  }
}
