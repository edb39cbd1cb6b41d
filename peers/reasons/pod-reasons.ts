/** Why a pod gets no peers, or not in full: reasons of admission and of the merged configuration. */
const LEAVE_MERGE_OUT =
  'To leave the merge out: kubectl -n NAMESPACE annotate --overwrite stellarnode NAME stellar.org/peer-config=off';

export const POD_REASONS = {
  // Admission: why a pod is not patched, or not in full.
  OptedOut: {
    sentence: 'Injection is disabled for the pod, its StellarNode or its namespace.',
    release:
      'If that is not meant: kubectl -n NAMESPACE annotate stellarnode NAME stellar.org/peer-injection- (where it is a label ' +
      'of the namespace: kubectl label namespace NAMESPACE stellar.org/peer-injection-)',
  },
  NotInjectable: {
    sentence:
      'The pod already uses a name or path that we need, or has no room for annotations; nothing is injected.',
    release: 'Rename the volume or mount in the pod template, or shorten its annotations.',
  },
  NoMainContainer: {
    sentence: 'It is not clear which container runs stellar-core, so nothing is injected.',
    release:
      'Name the container stellar-node, or name it by the annotation kubectl.kubernetes.io/default-container of the pod template.',
  },
  EnvTaken: {
    sentence: 'The container sets KNOWN_PEERS_FILE itself; that value is kept.',
    release: 'Nothing is needed if the value is meant.',
    severity: 'info',
  },
  UnknownPeerConfig: {
    sentence:
      'The annotation stellar.org/peer-config is neither the path of a file nor off; nothing is merged.',
    release:
      'Use an absolute path, or off: ' +
      'kubectl -n NAMESPACE annotate --overwrite stellarnode NAME stellar.org/peer-config=/config/stellar-core.cfg',
  },
  ConfigNotReplaceable: {
    sentence:
      'The configuration file cannot be replaced where the pod mounts it; it is used without the peers.',
    release: `Mount its folder as a whole from a ConfigMap or Secret. ${LEAVE_MERGE_OUT}`,
  },
  NoShell: {
    sentence: 'The name of the image says that it has no shell, so nothing is merged into the configuration.',
    release: `Use an image with sh, or begin the command of the container with one. ${LEAVE_MERGE_OUT}`,
  },
  ReloadLeftOut: {
    sentence: 'The pod gets no sidecar that tells stellar-core of new peers.',
    release:
      'Nothing is needed: the validator learns new peers at its next start. If its pods are Guaranteed: ' +
      'kubectl -n NAMESPACE annotate --overwrite stellarnode NAME stellar.org/peer-reload=on',
    severity: 'info',
  },
  // Merged configuration: why the peers do nothing for stellar-core.
  BothTaken: {
    sentence: 'The configuration already has peers under each key that we could use; it is used unchanged.',
    release: `Remove KNOWN_PEERS or PREFERRED_PEERS from the configuration. ${LEAVE_MERGE_OUT}`,
  },
  ConfigMissing: {
    sentence: 'The configuration file was not there when the pod started, so nothing was merged.',
    release:
      'Name the right file, or off: ' +
      'kubectl -n NAMESPACE annotate --overwrite stellarnode NAME stellar.org/peer-config=/config/stellar-core.cfg',
  },
  MergeFailed: {
    sentence: 'The peers could not be merged into the configuration; the original is used.',
    release: 'Read the log of the init container: kubectl -n NAMESPACE logs NAME-0 -c stellar-peers-config',
  },
  MergeBlocked: {
    sentence: 'The init container stellar-peers-config cannot start or fails, so the pod does not start.',
    release:
      'Read the log of the init container. If the image has no sh, leave the merge out, and then delete the pod: ' +
      'kubectl -n NAMESPACE annotate --overwrite stellarnode NAME stellar.org/peer-config=off',
  },
  PeersIgnored: {
    sentence:
      'The configuration says PREFERRED_PEERS_ONLY=true: stellar-core drops the peers in its KNOWN_PEERS, unless PREFERRED_PEER_KEYS names them.',
    release:
      'Nothing is needed where PREFERRED_PEER_KEYS names the peers. Else remove PREFERRED_PEERS_ONLY from the configuration, or set PEER_LIST_KEY (with Helm or GitOps, in the values or in Git): ' +
      'kubectl -n stellar-peers set env deployment/stellar-peers PEER_LIST_KEY=PREFERRED_PEERS',
  },
  UnknownOwner: {
    sentence: 'The pod is not controlled by a StatefulSet that a StellarNode controls.',
    release: 'Nothing is needed: only validators are injected.',
    severity: 'info',
  },
  ReadReplica: {
    sentence: 'The pod is a read replica of a validator, not the validator: it is left as it is.',
    release: 'Nothing is needed: only validators are injected.',
    severity: 'info',
  },
  UnreadablePod: {
    sentence: 'A part of the pod cannot be read, so the pod is not changed.',
    release: 'The warning at the creation of the pod names that part.',
  },
} as const;
