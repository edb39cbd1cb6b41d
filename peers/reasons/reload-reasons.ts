/** What the sidecar that tells a running stellar-core of new peers has done, as far as that is known. */
export const RELOAD_REASONS = {
  Telling: {
    sentence:
      'The sidecar stellar-peers-reload is telling the running stellar-core of its new peers. Until the time in the detail, the validator is not restarted for these peers.',
    release: 'Nothing is needed: the wait ends by itself.',
    severity: 'info',
  },
  Told: {
    sentence:
      'The sidecar stellar-peers-reload has had the time to tell the running stellar-core of the peers that its pod started without, so the validator is not restarted for these peers.',
    release:
      'Nothing is needed: the next restart, whatever causes it, puts the peers into its configuration.',
    severity: 'info',
  },
  ReloadFailing: {
    sentence:
      'The sidecar stellar-peers-reload crashes again and again or cannot start, so the validator counts as one without the sidecar.',
    release:
      'Each crash makes the pod not Ready, which holds the restarts of the network. The log says why: kubectl -n NAMESPACE logs NAME-0 -c stellar-peers-reload --previous. ' +
      'To leave the sidecar out at the next start: kubectl -n NAMESPACE annotate --overwrite stellarnode NAME stellar.org/peer-reload=off',
  },
} as const;
