/**
 * Why a pod that lacks something is not restarted now: the part of the reasons that concerns restarts.
 */
export const RESTART_REASONS = {
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
} as const;
