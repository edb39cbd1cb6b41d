/**
 * Every reason why something was not done: a code for programs and a sentence for people.
 * Logs, Events, metric labels, `status` and docs/reasons.md all take them from here.
 */
import { plainText } from './field.ts';
import { RESTART_REASONS } from './restart-reasons.ts';

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
  InvalidServiceName: {
    sentence:
      'The StatefulSet names a Service that no Service can be named, so no peer could resolve its pods.',
    release: 'Use a StellarNode name, or a serviceName, of lower-case letters, digits and hyphens.',
  },
  NamespaceNotAllowed: {
    sentence: 'NETWORK_NAMESPACES does not allow the namespace for the network, so the validator is no peer.',
    release: 'Use an allowed namespace, or have this one added to the setting.',
  },
  NotOwned: {
    sentence: 'A StatefulSet of that name exists but is not controlled by the StellarNode.',
    release: 'Rename the StellarNode or remove the other StatefulSet.',
  },
  // Publishing: why a ConfigMap or Service is not as wanted.
  NamespaceTooLarge: {
    sentence:
      'Even views of 8 peers do not fit into one ConfigMap of 1 MiB for the namespace; nothing new is published there.',
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
  ...RESTART_REASONS,
} as const satisfies Record<string, ReasonText>;

export type ReasonCode = keyof typeof REASONS;

/** A reason as it applies to one object; `detail` names what was found. */
export interface Reason {
  readonly code: ReasonCode;
  readonly detail?: string | undefined;
}

const DETAIL_LENGTH_MAX = 500;

/** Details are often what somebody wrote: shown as text, and no more than can be read. */
const printable = (text: string): string => plainText(text, DETAIL_LENGTH_MAX);

/** A reason with an optional detail. */
export const reason = (code: ReasonCode, detail?: string): Reason =>
  detail === undefined ? { code } : { code, detail: printable(detail) };

/** The reason as a person reads it: sentence, detail in parentheses. */
export function describeReason({ code, detail }: Reason): string {
  const { sentence } = REASONS[code];
  return detail === undefined ? sentence : `${sentence.slice(0, -1)} (${detail}).`;
}
