/**
 * The vocabulary: every label, annotation, object name and path that the parts share.
 * Owns names only; what they mean is decided where they are read.
 */

export const STELLAR_API_VERSION = 'stellar.org/v1alpha1';

/** Label on validator pods and templates (steady there; it flaps on the StatefulSet's own metadata). */
export const LABEL_NODE_TYPE = 'stellar.org/node-type';
export const NODE_TYPE_VALIDATOR = 'Validator';
/** Steady labels of the operator's StatefulSets: what the watch selects by. */
export const STATEFULSET_SELECTOR =
  'app.kubernetes.io/name=stellar-node,app.kubernetes.io/component=validator';
export const POD_SELECTOR = `${LABEL_NODE_TYPE}=${NODE_TYPE_VALIDATOR}`;

/** On pods, written by admission only: hash of the view that the pod started with. */
export const ANNOTATION_PEER_HASH = 'stellar.org/peer-hash';
/** On pods, written by admission only: the digests of that view, `v1:` in front, comma between. */
export const ANNOTATION_PEERS = 'stellar.org/peers';
/** On a StatefulSet's template, written by the reconciler only: the token of its last restart. */
export const ANNOTATION_PEER_RESTART = 'stellar.org/peer-restart';
/** On a StatefulSet, written by the reconciler only: the token of a restart that must not begin any more. */
export const ANNOTATION_PEER_FENCE = 'stellar.org/peer-fence';

/** Settable by people on a StellarNode, a Namespace or our own ConfigMap (= everything). */
export const ANNOTATION_ROLLOUT = 'stellar.org/peer-rollout';
/** Settable by people on a StellarNode or Namespace: `now` lets unadopted pods be restarted. */
export const ANNOTATION_ADOPT = 'stellar.org/peer-adopt';
/** Settable by people on a StellarNode: `uncounted` keeps it out of the disruption budget. */
export const ANNOTATION_BUDGET = 'stellar.org/peer-budget';
/** Annotation on a StellarNode or pod, label on a Namespace: `disabled` opts out of injection. */
export const INJECTION = 'stellar.org/peer-injection';
export const INJECTION_DISABLED = 'disabled';
/** Settable by people on a StellarNode whose CRD has no `validatorConfig.peerPort`. */
export const ANNOTATION_PEER_PORT = 'stellar.org/peer-port';
/** Settable by people on a StellarNode: `host:port` that is advertised instead of the Service name. */
export const ANNOTATION_PEER_ADDRESS = 'stellar.org/peer-address';
/** Settable by people on a StellarNode: the configuration file to put the peers into, or `off`. */
export const ANNOTATION_PEER_CONFIG = 'stellar.org/peer-config';

/** stellar-core's own default peer port. */
export const DEFAULT_PEER_PORT = 11625;

/** Name of the peers ConfigMap, in our namespace (overview) and in each namespace with validators. */
export const PEERS_CONFIGMAP = 'stellar-peers';
/** Peers outside the cluster, written by people: a list of `host:port` per network, in our namespace. */
export const EXTERNAL_CONFIGMAP = 'stellar-peers-external';
/** Name of the journal of restarts, in our namespace. */
export const JOURNAL_CONFIGMAP = 'stellar-peers-restarts';
/** Lease that the reconciling replica holds, in our namespace. */
export const LEADER_LEASE = 'stellar-peers';
/** Secret with the managed certificate, in our namespace. */
export const CERT_SECRET = 'stellar-peers-webhook-cert';
/** MutatingWebhookConfiguration and the one webhook in it. */
export const WEBHOOK_CONFIGURATION = 'stellar-peers';
export const WEBHOOK_ENTRY = 'pods.peers.stellar.org';
export const WEBHOOK_SERVICE = 'stellar-peers-webhook';
export const WEBHOOK_PATH = '/mutate-pods';

/** Field manager of everything we apply, and of a pause that is put back after the object was deleted. */
export const FIELD_MANAGER = 'stellar-peers';
export const PAUSE_FIELD_MANAGER = 'stellar-peers-pause';
/** Makes peers ConfigMaps, empty: one that holds no data takes none away that another leader has just written. */
export const CREATE_FIELD_MANAGER = 'stellar-peers-create';
/** Holds the annotation that keeps a restart from beginning late. */
export const FENCE_FIELD_MANAGER = 'stellar-peers-fence';
/** `reportingController` of Events, user agent of requests. */
export const COMPONENT = 'stellar-peers';

/** What is injected into a validator's pod. */
export const VOLUME_NAME = 'stellar-peers';
export const MOUNT_PATH = '/etc/stellar/peers';
export const PEERS_FILE_ENV = 'KNOWN_PEERS_FILE';
export const PEERS_TXT = 'peers.txt';
export const PEERS_TOML = 'peers.toml';
export const PEERS_FILE_PATH = `${MOUNT_PATH}/${PEERS_TXT}`;
/** The container that runs stellar-core; the first one where none has this name. */
export const MAIN_CONTAINER = 'stellar-node';

/** Volume and init container by which the peers come into the configuration that stellar-core reads. */
export const CONFIG_VOLUME = 'stellar-peers-config';
export const CONFIG_INIT_CONTAINER = 'stellar-peers-config';
/** Where the pod's own configuration folder is mounted once ours stands in its place. */
export const CONFIG_ORIGINAL_PATH = '/etc/stellar/peers-original';
/** Where the init container writes what the main container then sees. */
export const CONFIG_TARGET_PATH = '/etc/stellar/peers-merged';
/** The upstream operator's configuration folder, and the file in it. */
export const CONFIG_FOLDER = '/config';
export const CONFIG_FILE = 'stellar-core.cfg';
/** Kubernetes' own default of `terminationMessagePath`. */
export const TERMINATION_LOG = '/dev/termination-log';

/** Keys of one validator in its namespace's ConfigMap. `view` is for us: hash, digests, time. */
export const nodeKeys = (node: string) => ({
  txt: `${node}.${PEERS_TXT}`,
  toml: `${node}.${PEERS_TOML}`,
  view: `${node}.view.json`,
});

/** The pod name of the review that the leader sends to prove that the webhook answers with a patch. */
export const PROBE_NODE = 'stellar-peers-probe';
