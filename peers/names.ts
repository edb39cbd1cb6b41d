/** The names of every label, annotation, object and path that several parts use. */

export const STELLAR_API_VERSION = 'stellar.org/v1alpha1';

/** Label on validator pods and templates. On the StatefulSet the operator changes it again and again. */
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
/** Its values, beside `paused`. */
export const STRATEGIES = ['RollingUpdate', 'Signal', 'OnRestart'] as const;
export const PAUSED = 'paused';
/** Settable by people on a StellarNode or Namespace: for which peers restarts take place, as ROLL_FOR. */
export const ANNOTATION_ROLL_FOR = 'stellar.org/peer-roll-for';
/** Its values, and those of the setting. */
export const ROLL_FOR_VALUES = ['auto', 'unlinked', 'missing', 'all'] as const;
/** Settable by people on a StellarNode or Namespace: `now` lets unadopted pods be restarted. */
export const ANNOTATION_ADOPT = 'stellar.org/peer-adopt';
/** Settable by people on a Namespace: `hold`, `warn` or `read` where a quorum set cannot be read. */
export const ANNOTATION_QUORUM_UNKNOWN = 'stellar.org/peer-quorum-unknown';
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
/** `on` or `off`, on a StellarNode or a Namespace: whether the sidecar is added. */
export const RELOAD_ANNOTATION = 'stellar.org/peer-reload';

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
/** Creates peers ConfigMaps without data, which removes nothing that another leader has just written. */
export const CREATE_FIELD_MANAGER = 'stellar-peers-create';
/** Holds the annotation that keeps a restart from beginning late. */
export const FENCE_FIELD_MANAGER = 'stellar-peers-fence';
/** `reportingController` of Events, user agent of requests. */
export const COMPONENT = 'stellar-peers';

/** The parts that are injected into a validator's pod. */
export const VOLUME_NAME = 'stellar-peers';
export const MOUNT_PATH = '/etc/stellar/peers';
export const PEERS_FILE_ENV = 'KNOWN_PEERS_FILE';
export const PEERS_TXT = 'peers.txt';
export const PEERS_TOML = 'peers.toml';
export const PEERS_TOML_PATH = `${MOUNT_PATH}/${PEERS_TOML}`;
/** On pods: local volumes that a cluster autoscaler may lose, with a comma between; an emptyDir is one. */
export const ANNOTATION_EVICTABLE = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes';
/** On pods, before the name of a container: how AppArmor confines it. The operator writes no field for that. */
export const ANNOTATION_APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/';
/** The operator's name for the container that runs stellar-core. */
export const MAIN_CONTAINER = 'stellar-node';
/** On pods: the container that kubectl takes where none is named; meshes set it too. */
export const ANNOTATION_DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** The volume and the init container that merge the peers into stellar-core's configuration. */
export const CONFIG_VOLUME = 'stellar-peers-config';
export const CONFIG_INIT_CONTAINER = 'stellar-peers-config';
/** The native sidecar that tells a running stellar-core of new peers. */
export const RELOAD_CONTAINER = 'stellar-peers-reload';
/** The paths of our files in the main container. */
export interface Places {
  readonly peers: string;
  /** The pod's own configuration folder, if a merged one is mounted in its place. */
  readonly original: string;
}
export const PLACES: Places = { peers: MOUNT_PATH, original: '/etc/stellar/peers-original' };
/** The paths in pods that mount something above the usual ones, such as their configuration at /etc/stellar. */
export const PLACES_ASIDE: Places = { peers: '/stellar-peers/peers', original: '/stellar-peers/original' };
/** Where the init container writes the merged files for the main container. */
export const CONFIG_TARGET_PATH = '/etc/stellar/peers-merged';
/** The upstream operator's configuration folder, and the file in it. */
export const CONFIG_FOLDER = '/config';
export const CONFIG_FILE = 'stellar-core.cfg';
/** Kubernetes' own default of `terminationMessagePath`. */
export const TERMINATION_LOG = '/dev/termination-log';

/** The keys of one validator in its namespace's ConfigMap. stellar-peers itself reads `view`: hash, digests, time. */
export const nodeKeys = (node: string) => ({
  txt: `${node}.${PEERS_TXT}`,
  toml: `${node}.${PEERS_TOML}`,
  view: `${node}.view.json`,
});

/** The pod name of the review that the leader sends to prove that the webhook answers with a patch. */
export const PREFLIGHT_NODE = 'stellar-peers-probe';
