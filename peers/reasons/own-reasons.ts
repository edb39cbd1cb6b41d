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
    sentence: 'A watch is behind, or live reads of the group fail; nothing is restarted on old data.',
    release: 'See the detail, and the log for the watch or the read that fails.',
  },
  JournalFull: {
    sentence:
      'The journal of restarts is nearly full, or the namespace in the detail has used its share; without the journal nothing is restarted.',
    release:
      'Our entries are removed after a day; delete keys that are not ours or cannot be read: ' +
      'kubectl -n stellar-peers edit configmap stellar-peers-restarts',
  },
  JournalUnwritable: {
    sentence: 'The journal of restarts cannot be written; without the journal nothing is restarted.',
    release: 'Let us write the ConfigMap stellar-peers-restarts: the detail says what is in the way.',
  },
  GroupNotJudged: {
    sentence: 'A plan of restarts for the group could not be computed; none of its validators is restarted.',
    release: 'Report this with the detail and the log of the leader; other groups are not affected.',
  },
  JournalUnreadable: {
    sentence: 'The journal of restarts cannot be read, so it is not known which restarts are under way.',
    release:
      'Repair or delete the key that the detail names: kubectl -n stellar-peers edit configmap stellar-peers-restarts',
  },
} as const;
