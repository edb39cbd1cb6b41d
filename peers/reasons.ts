/**
 * Every reason why something was not done: a code for programs and a sentence for people.
 * Logs, Events, metric labels, `status` and docs/reasons.md all take them from here.
 */

interface ReasonText {
  /** What is the case, as a full sentence. */
  readonly sentence: string;
  /** What a person can do about it, or that nothing is needed. */
  readonly release: string;
}

export const REASONS = {
  // Discovery: why a StellarNode is no peer.
  Suspended: {
    sentence: 'The validator is suspended and no peer until it is back.',
    release: 'Set spec.suspended to false.',
  },
  UnreadableNetwork: {
    sentence: 'spec.network cannot be read as a network.',
    release: 'Use mainnet, testnet, futurenet, or custom with a passphrase.',
  },
  InvalidPort: {
    sentence: 'The peer port is not a whole number from 1 to 65535.',
    release: 'Correct spec.validatorConfig.peerPort or the annotation stellar.org/peer-port.',
  },
  InvalidAddress: {
    sentence: 'The annotation stellar.org/peer-address is no host:port; the Service name is advertised.',
    release: 'Correct the annotation: an IPv4 address or DNS name, and a port from 1 to 65535.',
  },
  InvalidExternalPeers: {
    sentence: 'A part of the ConfigMap stellar-peers-external cannot be used; the rest of it is.',
    release: 'Correct what the detail names: one host:port a line, a key per network.',
  },
  InvalidReplicas: {
    sentence: 'spec.replicas is not a whole number from 0 to 100.',
    release: 'Correct spec.replicas.',
  },
  NameTooLong: {
    sentence: 'A label of the DNS name would be longer than 63 characters, so no peer could resolve it.',
    release: 'Use a shorter StellarNode name.',
  },
  NotOwned: {
    sentence: 'A StatefulSet of that name exists but is not controlled by the StellarNode.',
    release: 'Rename the StellarNode or remove the other StatefulSet.',
  },
  // Publishing: why a ConfigMap or Service is not as wanted.
  NamespaceTooLarge: {
    sentence:
      'The views of the namespace do not fit into one ConfigMap of 1 MiB; nothing new is published there.',
    release: 'Spread the validators over more namespaces.',
  },
  KeyConflict: {
    sentence:
      'Another controller applies a key of ours in the peers ConfigMap; it is left to that controller.',
    release: 'Stop the other controller from applying the key.',
  },
  ServiceHidesNotReady: {
    sentence: 'The headless Service hides pods that are not ready, so a new network cannot find itself.',
    release: 'Set publishNotReadyAddresses: true on the Service.',
  },
  ServiceNotHeadless: {
    sentence: 'The governing Service has a cluster IP, so pod names do not resolve.',
    release: 'Replace it with a headless Service (clusterIP: None).',
  },
  RefusedByPolicy: {
    sentence: 'The API server or an admission policy refused the write; it is tried again after minutes.',
    release: 'Allow the write, or read the refusal in the log.',
  },
  // Admission: why a pod is not patched, or not in full.
  OptedOut: {
    sentence: 'Injection is disabled for the pod, its StellarNode or its namespace.',
    release: 'Remove stellar.org/peer-injection=disabled.',
  },
  NotInjectable: {
    sentence: 'The pod itself takes a name, a path or the room that we would need, so nothing is injected.',
    release: 'Rename the volume or mount in the pod template, or shorten its annotations.',
  },
  EnvTaken: {
    sentence: 'The container sets KNOWN_PEERS_FILE itself; that value is kept.',
    release: 'Nothing is needed if the value is meant.',
  },
  UnknownPeerConfig: {
    sentence:
      'The annotation stellar.org/peer-config is neither the path of a file nor off; nothing is merged.',
    release: 'Use an absolute path, such as /config/stellar-core.cfg, or off.',
  },
  ConfigNotReplaceable: {
    sentence: 'The configuration file cannot be replaced where the pod mounts it; it is used as it is.',
    release: 'Mount its folder as a whole from a ConfigMap or Secret, or set stellar.org/peer-config: off.',
  },
  // Merged configuration: why the main container runs with its original file.
  BothTaken: {
    sentence:
      'The configuration names peers itself under every key that ours could go; it is used unchanged.',
    release: 'Remove KNOWN_PEERS or PREFERRED_PEERS from it, or set stellar.org/peer-config: off.',
  },
  ConfigMissing: {
    sentence: 'The configuration file was not there when the pod started, so nothing was merged.',
    release: 'Name the right file by stellar.org/peer-config, or set it to off.',
  },
  MergeFailed: {
    sentence: 'The peers could not be merged into the configuration; the original is used.',
    release: 'Read the log of the init container stellar-peers-config.',
  },
  UnknownOwner: {
    sentence: 'The pod is not controlled by a StatefulSet that a StellarNode controls.',
    release: 'Nothing is needed: only validators are injected.',
  },
  UnreadablePod: {
    sentence: 'The pod cannot be read well enough to be sure of a patch.',
    release: 'Read the warning for what was found.',
  },
  // Restarts: why a pod that lacks something is not restarted now.
  AwaitingAdoption: {
    sentence: 'The pod is older than the webhook; it is injected at its next restart by anybody.',
    release:
      'kubectl -n NAMESPACE annotate stellarnode NAME stellar.org/peer-adopt=now, or set ADOPT_EXISTING=restart.',
  },
  NotSelected: {
    sentence: 'The webhook configuration does not select the pod, so a restart would not inject it.',
    release: 'Let the webhook select the namespace, or leave it.',
  },
  Paused: {
    sentence: 'Restarts are paused.',
    release:
      'kubectl annotate stellar.org/peer-rollout- on the object that is named; for everything: ' +
      'kubectl -n stellar-peers annotate configmap stellar-peers stellar.org/peer-rollout-',
  },
  PauseUnknown: {
    sentence: 'The pause switch cannot be read, which means paused.',
    release: 'Make the ConfigMap stellar-peers in our namespace readable.',
  },
  UnknownStrategy: {
    sentence: 'The value of stellar.org/peer-rollout is not known, which means hold.',
    release: 'Use RollingUpdate, Signal, OnRestart or paused, or remove the annotation.',
  },
  SignalledInstead: {
    sentence: 'The strategy is Signal: the validator is told of its peers while it runs, and not restarted.',
    release: 'Nothing is needed; without the annotation stellar.org/peer-rollout it would be restarted.',
  },
  SignalPortClosed: {
    sentence:
      "The strategy is Signal, but the validator's HTTP port is not open to us, so it cannot be told.",
    release:
      'Open the port together with the NetworkPolicy of docs/how-validators-use-peers.md, or choose another strategy.',
  },
  OnRestart: {
    sentence: 'The strategy is OnRestart: the next restart by anybody picks the peers up.',
    release: 'Nothing is needed, or restart it yourself.',
  },
  InFlight: {
    sentence: 'Another restart of the same group is under way.',
    release: 'Nothing is needed: it goes on when that is over.',
  },
  WaitingForUnavailable: {
    sentence: 'Too many validators of the group are down already.',
    release: 'Bring the validators that the detail names back, or mark them uncounted.',
  },
  WaitingForMinReady: {
    sentence: 'A validator of the group has not been Ready for MIN_READY_SECONDS yet.',
    release: 'Nothing is needed: it goes on by itself.',
  },
  RestartedRecently: {
    sentence: 'The pod is younger than MIN_RESTART_INTERVAL_SECONDS.',
    release: 'Nothing is needed: it goes on by itself.',
  },
  QuorumMargin: {
    sentence: 'With one more validator down the group would be without a quorum.',
    release:
      'Bring validators that are down back, give the quorum sets a lower threshold, or set QUORUM_CHECK=warn.',
  },
  QuorumUnknown: {
    sentence: 'A quorum set of the group cannot be read, so nobody checks what its quorum would bear.',
    release: 'Nothing is needed; spec.validatorConfig.quorumSet as stellar-core reads it makes it known.',
  },
  HourlyLimit: {
    sentence: 'The group has had MAX_RESTARTS_PER_HOUR restarts of ours within the hour.',
    release: 'Nothing is needed: it goes on by itself.',
  },
  OutsideWindow: {
    sentence: 'No window of ROLLOUT_WINDOWS is open for long enough.',
    release: 'Nothing is needed: it goes on when one opens.',
  },
  Stalled: {
    sentence: 'A restart of ours is not over within PROGRESS_DEADLINE_SECONDS; its group is stopped.',
    release: 'Bring the validator that the detail names up: the group goes on when it is Ready.',
  },
  UnknownBudget: {
    sentence: 'The value of stellar.org/peer-budget is not known, which means hold.',
    release: 'Use uncounted, or remove the annotation.',
  },
  Stabilizing: {
    sentence: 'The membership of the group changed a moment ago; further changes are awaited.',
    release: 'Nothing is needed: it goes on by itself.',
  },
  CatchingUp: {
    sentence: 'The pod is not Ready and may be catching up; it is left alone.',
    release: 'Nothing is needed, or restart it yourself.',
  },
  TooYoung: {
    sentence: 'The pod is too young to be replaced.',
    release: 'Nothing is needed: it goes on by itself.',
  },
  ReadinessUnknown: {
    sentence: 'The pod has no readiness probe, so nobody could tell when a restart is over.',
    release: 'Give the main container a readiness probe.',
  },
  PdbForbids: {
    sentence: 'A PodDisruptionBudget allows no disruption now.',
    release: 'Relax the PodDisruptionBudget that the detail names, or wait.',
  },
  Maintenance: {
    sentence: 'The StellarNode is in maintenance mode: hands off.',
    release: 'Set spec.maintenanceMode to false.',
  },
  OnDelete: {
    sentence: 'The StatefulSet uses OnDelete: its owner restarts the pods.',
    release: 'Delete the pod yourself, or use RollingUpdate.',
  },
  Partitioned: {
    sentence: 'The StatefulSet has a partition, so a template change would not reach every pod.',
    release: 'Set the partition to 0.',
  },
  Unsettled: {
    sentence: 'The StatefulSet is being changed or rolled by somebody else.',
    release: 'Nothing is needed: it goes on when that is over.',
  },
  NotAllReady: {
    sentence: 'Not all pods of the StatefulSet are Ready, so a template change would act later, unasked.',
    release: 'Nothing is needed: it goes on when they are.',
  },
  NotPublished: {
    sentence: 'The view of the validator is not published yet, so a restart would gain nothing.',
    release: 'Nothing is needed: it goes on when it is.',
  },
  UnreadableView: {
    sentence: 'The pod carries a peers annotation of a version that is not known here.',
    release: 'Nothing is needed: the next restart by anybody replaces it.',
  },
  NotInjected: {
    sentence: 'A pod came back from our restart without injection; its group is stopped.',
    release: 'Find out why the webhook was not asked, then delete the pod that the detail names.',
  },
  WebhookMissing: {
    sentence: 'The webhook configuration is missing, so a restart would not inject the pod.',
    release: 'Apply the manifests again.',
  },
  WebhookNotAnswering: {
    sentence: 'The webhook does not answer with a patch at its configured address.',
    release: 'See that the Service, the endpoints and the certificate are right.',
  },
  StaleCaches: {
    sentence: 'A watch is behind, and nothing is restarted on old data.',
    release: 'See the log for the watch that fails.',
  },
  JournalUnreadable: {
    sentence: 'The journal of restarts cannot be read, so nobody knows what is under way.',
    release: 'Repair or delete the ConfigMap stellar-peers-restarts.',
  },
} as const satisfies Record<string, ReasonText>;

export type ReasonCode = keyof typeof REASONS;

/** A reason as it applies to one object; `detail` names what was found. */
export interface Reason {
  readonly code: ReasonCode;
  readonly detail?: string | undefined;
}

/** A reason with an optional detail. */
export const reason = (code: ReasonCode, detail?: string): Reason =>
  detail === undefined ? { code } : { code, detail };

/** The reason as a person reads it: sentence, detail in parentheses. */
export function describeReason({ code, detail }: Reason): string {
  const { sentence } = REASONS[code];
  return detail === undefined ? sentence : `${sentence.slice(0, -1)} (${detail}).`;
}
