/** Why nothing is restarted because of stellar-peers itself: its webhook, its caches and its journal. */
export const OWN_REASONS = {
  WebhookMissing: {
    sentence: 'The webhook configuration is missing, so a restart would not inject the pod.',
    release: 'Apply your manifests again, in your overlay: kubectl apply -k .',
  },
  WebhookNotAnswering: {
    sentence: 'The webhook does not answer with a patch at its configured address.',
    release: 'See what is wrong with the Service, the endpoints or the certificate: stellar-peers check',
  },
  StaleCaches: {
    sentence: 'A watch is behind, or a live read failed, and nothing is restarted on old data.',
    release: 'See the detail, and the log for the watch or the read that fails.',
  },
  JournalFull: {
    sentence:
      'The journal of restarts has no room for this restart: it is nearly full, or this namespace has used up its share.',
    release:
      'Our entries are removed after a day; delete keys that are not ours or cannot be read: ' +
      'kubectl -n stellar-peers edit configmap stellar-peers-restarts',
  },
  JournalUnwritable: {
    sentence: 'The journal of restarts cannot be written, and nothing is restarted without it.',
    release: 'Allow stellar-peers to write the ConfigMap stellar-peers-restarts: the detail has the error.',
  },
  GroupNotJudged: {
    sentence: 'Planning the restarts of this group failed, so none of its validators is restarted.',
    release: 'Report the detail and the log of the leader as a bug; other groups are not affected.',
  },
  JournalUnreadable: {
    sentence: 'The journal of restarts cannot be read, so it is not known which restarts are under way.',
    release:
      'Repair or delete the key that the detail names: kubectl -n stellar-peers edit configmap stellar-peers-restarts',
  },
} as const;
