/** The states of a validator that is not simply up. They are shown, but are never Events of ours. */
export const STATE_REASONS = {
  Restarting: {
    sentence: 'The validator is being restarted, by us or by its kubelet.',
    release: 'Nothing is needed: the restart is over when the pods are Ready.',
    severity: 'info',
  },
  NotReady: {
    sentence: 'Not all pods of the validator are Ready.',
    release: 'The end of the output says why: kubectl -n NAMESPACE describe pod NAME',
  },
  NoPods: {
    sentence: 'The validator has no pods.',
    release: 'The end of the output says why: kubectl -n NAMESPACE describe sts NAME',
  },
  OutOfSync: {
    sentence:
      'stellar-core says over its HTTP port that it is connected to none of its peers, or is not synced.',
    release: 'To see the cause: stellar-peers explain NAME -n NAMESPACE',
  },
} as const;
