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
    sentence: 'A watch is behind, or the group cannot be read afresh, and nothing is restarted on old data.',
    release: 'See the detail, and the log for the watch or the read that fails.',
  },
  JournalFull: {
    sentence:
      'The journal of restarts is nearly full, or the namespace that the detail names has its share of it, and nothing is restarted without it.',
    release:
      'Entries of ours go when they are a day old; delete keys that are not ours or cannot be read: ' +
      'kubectl -n stellar-peers edit configmap stellar-peers-restarts',
  },
  JournalUnwritable: {
    sentence: 'The journal of restarts cannot be written, and nothing is restarted without it.',
    release: 'Let us write the ConfigMap stellar-peers-restarts: the detail says what is in the way.',
  },
  GroupNotJudged: {
    sentence:
      'Whether validators of the group need a restart could not be worked out; none of it is restarted.',
    release: 'Report it with the detail and the log of the leader; no other group is held by it.',
  },
  JournalUnreadable: {
    sentence: 'The journal of restarts cannot be read, so what is under way is not known.',
    release:
      'Repair or delete the key that the detail names: kubectl -n stellar-peers edit configmap stellar-peers-restarts',
  },
} as const;
