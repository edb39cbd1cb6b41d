/** Why a pod that lacks something is not restarted now: the part of the reasons that concerns restarts. */
export const RESTART_REASONS = {
  AwaitingAdoption: {
    sentence:
      'The pod started before stellar-peers could inject it. The next restart, whatever causes it, injects the peers.',
    release: 'stellar-peers adopt NAME -n NAMESPACE',
  },
  NotSelected: {
    sentence: 'The webhook configuration does not select the pod, so a restart would not inject it.',
    release:
      'Make the webhook select the namespace, or do nothing. To see what the webhook selects: ' +
      'kubectl get mutatingwebhookconfiguration stellar-peers -o yaml',
  },
  NamespaceTerminating: {
    sentence: 'The namespace is being deleted, so a pod that is restarted there would not come back.',
    release:
      'Nothing is needed if that is meant. What delays the deletion: kubectl describe namespace NAMESPACE',
    severity: 'info',
  },
  Paused: {
    sentence: 'Restarts are paused.',
    release:
      'stellar-peers resume, with -n NAMESPACE for the pause of a Namespace, and with the name of a StellarNode for its own ' +
      'pause.',
  },
  PauseUnknown: {
    sentence: 'The pause switch cannot be read, so restarts are paused.',
    release:
      'Allow stellar-peers to read the ConfigMap stellar-peers in its namespace. To see the error: stellar-peers check',
  },
  UnknownStrategy: {
    sentence: 'The value of stellar.org/peer-rollout is not known, so restarts wait.',
    release: 'Use RollingUpdate, Signal or OnRestart, remove the annotation, or pause on purpose.',
  },
  UnknownRollFor: {
    sentence: 'The value of stellar.org/peer-roll-for is not known, so restarts wait.',
    release: 'Use auto, unlinked, missing or all, or remove the annotation.',
  },
  SignalledInstead: {
    sentence: 'The strategy is Signal: the validator is told of its peers while it runs, and not restarted.',
    release:
      'Nothing is needed. Without the annotation stellar.org/peer-rollout the validator would be restarted.',
    severity: 'info',
  },
  SignalPortClosed: {
    sentence:
      "The strategy is Signal, but the validator's HTTP port is not open to us, so we cannot call it.",
    release:
      'Open the port together with the NetworkPolicy of docs/how-validators-use-peers.md, or choose another strategy: ' +
      'kubectl -n NAMESPACE annotate --overwrite stellarnode NAME stellar.org/peer-rollout=RollingUpdate',
  },
  OnRestart: {
    sentence: 'The strategy is OnRestart: the next restart, whatever causes it, picks the peers up.',
    release: 'Nothing is needed, or restart the pod yourself: kubectl -n NAMESPACE delete pod NAME-0',
    severity: 'info',
  },
  InFlight: {
    sentence: 'Another restart of the same group is under way.',
    release: 'Nothing is needed: this restart goes on when the other one is over.',
    severity: 'info',
  },
  NotSynced: {
    sentence:
      'We restarted another validator of the namespace, and its HTTP port does not say yet that it is synced.',
    release:
      'Nothing is needed: restarts go on when that validator is synced. After PROGRESS_DEADLINE_SECONDS the reason is Stalled.',
    severity: 'info',
  },
  ControllerAway: {
    sentence:
      'The StatefulSet controller took no notice of our last write within 30 s, or replaced no pod within 2 minutes. The restart was taken back, and is tried again later.',
    release:
      'Check that kube-controller-manager runs and that no policy keeps that controller from deleting the pod. Nothing else is needed.',
  },
  RestartedInVain: {
    sentence:
      'Two restarts within 24 h did not give the validator the peers that it lacks, so there is no third one.',
    release:
      'We try again a day after the first. Find out why, then delete the pod yourself: ' +
      'stellar-peers explain NAME -n NAMESPACE',
  },
  RestartReverted: {
    sentence:
      'A restart of ours was not carried out: its annotation did not stay on the StatefulSet, or its write never arrived. The restart is tried again later.',
    release:
      'Find the admission webhook or controller that removes stellar.org/peer-restart from the pod template, and make it leave the annotation alone.',
  },
  RestartTakenBack: {
    sentence: 'A restart of the group was taken back within the last minute; the group rests.',
    release: 'Nothing is needed: the restart goes on by itself, when the cause in the detail is over.',
    severity: 'info',
  },
  Queued: {
    sentence:
      'The validator waits for its turn in the group: after the validator in the detail, or as the next one.',
    release:
      'Nothing is needed: its turn comes. If the validator stays the next one for minutes, the log of the leader says what is in the way.',
    severity: 'info',
  },
  WaitingForUnavailable: {
    sentence: 'Too many validators of the group are down already.',
    release:
      'Bring the validators that the detail names back, or mark their StellarNodes as uncounted (stellar.org/peer-budget).',
  },
  NoNode: {
    sentence:
      'The scheduler finds no node for the pod in the detail. That pod could take the node of a validator that is being restarted.',
    release:
      'Make room for the pod, or mark its StellarNode stellar.org/peer-budget=uncounted; kubectl describe says why.',
  },
  WaitingForMinReady: {
    sentence: 'The leader has not seen a validator of the group Ready for MIN_READY_SECONDS yet.',
    release: 'Nothing is needed: the restart goes on by itself.',
    severity: 'info',
  },
  RestartedRecently: {
    sentence: 'The pod is younger than MIN_RESTART_INTERVAL_SECONDS.',
    release: 'Nothing is needed: the restart goes on by itself.',
    severity: 'info',
  },
  QuorumMargin: {
    sentence: 'With one more validator down, a quorum set or the vote of a home domain would fall short.',
    release:
      'Bring validators that are down back, list members outside the cluster in stellar-peers-external, or give the quorum ' +
      'sets a lower threshold. To restart at the risk of the quorum (with Helm or GitOps, in the values or in Git): ' +
      'kubectl -n stellar-peers set env deployment/stellar-peers QUORUM_CHECK=warn',
  },
  QuorumUnknown: {
    sentence: 'A quorum set that counts for the validator cannot be read, so its quorum margin is not known.',
    release:
      'Correct spec.validatorConfig.quorumSet of the StellarNode that the detail names. To restart without knowing the quorum set: ' +
      'kubectl annotate --overwrite namespace NAMESPACE stellar.org/peer-quorum-unknown=warn',
  },
  QuorumFragile: {
    sentence: 'A validator of the same namespace and network reports that one more failure would stop it.',
    release:
      'Bring back the members that this validator does not hear (stellar-core http-command quorum names them). To ' +
      'restart at the risk of the quorum (with Helm or GitOps, in the values or in Git): kubectl -n stellar-peers set env deployment/stellar-peers QUORUM_CHECK=warn',
  },
  HourlyLimit: {
    sentence:
      'Within the last hour we have begun MAX_RESTARTS_PER_HOUR restarts of the group. Those that we took back do not count.',
    release: 'Nothing is needed: the restart goes on by itself.',
    severity: 'info',
  },
  OutsideWindow: {
    sentence: 'No window of ROLLOUT_WINDOWS is open for long enough.',
    release: 'Nothing is needed: the restart goes on when a window opens.',
    severity: 'info',
  },
  Stalled: {
    sentence:
      'A restart of ours is not over within PROGRESS_DEADLINE_SECONDS; its group waits. If the validator is Ready but not synced, only its namespace waits.',
    release:
      'Bring the validator that the detail names up: the group goes on when it is Ready. If the detail says that the restart does not show, or that it has replaced no pod, something refuses our writes: the log of the leader names it. Allow these writes.',
  },
  UnknownBudget: {
    sentence: 'The value of stellar.org/peer-budget is not known, so restarts wait.',
    release: 'Use uncounted, or remove the annotation.',
  },
  Stabilizing: {
    sentence: 'The membership of the group changed a moment ago, and more changes may follow.',
    release: 'Nothing is needed: the restart goes on by itself.',
    severity: 'info',
  },
  CatchingUp: {
    sentence: 'The pod is not Ready and may be catching up; it is left alone.',
    release: 'Nothing is needed, or restart the pod yourself.',
    severity: 'info',
  },
  TooYoung: {
    sentence:
      'The pod has existed, or has been seen not Ready, for less than DELETE_MIN_AGE_SECONDS, so we do not delete it yet.',
    release: 'Nothing is needed: the restart goes on by itself.',
    severity: 'info',
  },
  TokenTooLong: {
    sentence:
      'A pod carries stellar.org/peer-restart with more than 1,024 characters, so a restart could not be taken back.',
    release:
      'Remove the annotation from the pod template, which rolls the pods once: kubectl -n NAMESPACE patch sts NAME --type=json ' +
      `-p '[{"op":"remove","path":"/spec/template/metadata/annotations/stellar.org~1peer-restart"}]'`,
  },
  ReadinessUnknown: {
    sentence: 'The pod has no readiness probe, so the end of a restart could not be seen.',
    release: 'Give the main container a readiness probe.',
  },
  PdbForbids: {
    sentence: 'A PodDisruptionBudget allows no disruption now.',
    release: 'Wait, or relax the PodDisruptionBudget that the detail names.',
  },
  Maintenance: {
    sentence: 'The StellarNode is in maintenance mode, so its pods are left alone.',
    release: `When the maintenance is over: kubectl -n NAMESPACE patch stellarnode NAME --type=merge -p '{"spec":{"maintenanceMode":false}}'`,
  },
  OnDelete: {
    sentence: 'The StatefulSet uses OnDelete: its owner restarts the pods.',
    release: 'Delete the pod yourself, or use RollingUpdate.',
  },
  OtherUpdateStrategy: {
    sentence:
      'The StatefulSet uses an update strategy other than RollingUpdate and OnDelete, or rolls several pods at once; it is left alone.',
    release:
      'Restart the pods yourself, or have the operator use RollingUpdate with maxUnavailable 1: kubectl -n NAMESPACE delete pod NAME-0',
  },
  Partitioned: {
    sentence: 'The StatefulSet has a partition, so a template change would not reach every pod.',
    release: `kubectl -n NAMESPACE patch sts NAME --type=merge -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'`,
  },
  Unsettled: {
    sentence: 'The StatefulSet is being changed or rolled by another person or program.',
    release:
      'Nothing is needed: the restart goes on when the change is over. If a pod of the StatefulSet stays not Ready, delete that pod, since the roll waits for it.',
    severity: 'info',
  },
  NotAllReady: {
    sentence:
      'Not all pods of the StatefulSet are Ready, so a template change would take effect at an unknown later time.',
    release: 'Nothing is needed: the restart goes on when all pods are Ready.',
    severity: 'info',
  },
  NotPublished: {
    sentence: 'The view of the validator is not published yet, so a restart would gain nothing.',
    release: 'Nothing is needed: the restart goes on when the view is published.',
    severity: 'info',
  },
  UnreadableView: {
    sentence:
      'The annotation stellar.org/peers of the pod is missing or has an unknown form, so its peers are not known.',
    release: 'Nothing is needed: the next restart, whatever causes it, replaces the pod.',
    severity: 'info',
  },
  NotInjected: {
    sentence: 'A pod came back from our restart without injection; its group is stopped.',
    release:
      'Find out why the webhook was not asked (stellar-peers check), then delete the pod that the detail names.',
  },
} as const;
