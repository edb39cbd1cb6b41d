/** Every reason why something was not done: a code for programs, and a sentence for people. */
import { plainText } from '../field.ts';
import { ANNOTATION_ROLLOUT } from '../names.ts';
import { OWN_REASONS } from './own-reasons.ts';
import { POD_REASONS } from './pod-reasons.ts';
import { RELOAD_REASONS } from './reload-reasons.ts';
import { RESTART_REASONS } from './restart-reasons.ts';
import { STATE_REASONS } from './state-reasons.ts';

interface ReasonText {
  /** A full sentence: what was not done, and why. */
  readonly sentence: string;
  /** What a person can do about it, or that nothing is needed. */
  readonly release: string;
  /** `info` if it ends by itself, or if a person wanted it; else a warning. */
  readonly severity?: 'info';
}

export const REASONS = {
  // Discovery: why a StellarNode is no peer.
  Suspended: {
    sentence: 'The validator is suspended, so it is not a peer now.',
    release:
      'Nothing is needed if that is meant; else: kubectl -n NAMESPACE patch stellarnode NAME --type=merge ' +
      `-p '{"spec":{"suspended":false}}'`,
    severity: 'info',
  },
  UnreadableNetwork: {
    sentence: 'spec.network cannot be read as a network.',
    release:
      'Use mainnet, testnet, futurenet, or custom with a passphrase: kubectl -n NAMESPACE edit stellarnode NAME',
  },
  InvalidPort: {
    sentence: 'The peer port is not a whole number from 1 to 65535.',
    release:
      'Correct spec.validatorConfig.peerPort or the annotation stellar.org/peer-port: kubectl -n NAMESPACE edit stellarnode NAME',
  },
  InvalidAddress: {
    sentence:
      "The annotation stellar.org/peer-address is not a peer's host:port, so the Service name is advertised.",
    release:
      'Correct the annotation to an IPv4 address or DNS name, and a port from 1 to 65535; neither loopback, link-local or ' +
      'multicast nor the API server: kubectl -n NAMESPACE edit stellarnode NAME',
  },
  UnknownAnnotation: {
    sentence: 'An annotation has an unknown key or value.',
    release:
      'Correct the annotation that the detail names (docs/reference.md has all of them), or remove it.',
  },
  InvalidExternalPeers: {
    sentence: 'A part of the ConfigMap stellar-peers-external cannot be used; the rest is used.',
    release:
      'Correct the part that the detail names. Each key is a network, each line one host:port: ' +
      'kubectl -n stellar-peers edit configmap stellar-peers-external',
  },
  InvalidOwnPeers: {
    sentence: 'Some of the addresses that the StellarNode itself names cannot be used; the others are used.',
    release:
      'Correct the field that the detail names to an IPv4 address or DNS name, and a port from 1 to 65535: kubectl -n NAMESPACE edit stellarnode NAME',
  },
  InvalidReplicas: {
    sentence: 'spec.replicas is not a whole number from 0 to 100.',
    release: 'Correct spec.replicas: kubectl -n NAMESPACE edit stellarnode NAME',
  },
  NameTooLong: {
    sentence: 'A label of the DNS name would be longer than 63 characters, so no peer could resolve it.',
    release: 'Use a shorter StellarNode name.',
  },
  InvalidServiceName: {
    sentence: 'The StatefulSet names a Service with an invalid name, so no peer could resolve its pods.',
    release: 'Use a StellarNode name, or a serviceName, of lower-case letters, digits and hyphens.',
  },
  PodsNotSeen: {
    sentence:
      'At most three pods of a validator are listed before they exist; its other pods are in no list yet.',
    release: 'Nothing is needed: each further pod counts when it is created.',
    severity: 'info',
  },
  ShareSpent: {
    sentence:
      'The namespace has more pods in its network than lists may name (1,000 of a namespace, 5,000 in all).',
    release:
      'Remove StellarNodes that are not needed, or spread them over namespaces; pods that run come first.',
  },
  NamespaceNotAllowed: {
    sentence: 'NETWORK_NAMESPACES does not allow the namespace for the network, so the validator is no peer.',
    release:
      'Use an allowed namespace, or add NAMESPACE to those of its network in NETWORK_NAMESPACES: ' +
      'kubectl -n stellar-peers edit deployment stellar-peers',
  },
  TooLargeToRead: {
    sentence:
      'The object is too large, or all objects of its namespace or of all namespaces together are. A part of the object is not read.',
    release: 'Shorten what the detail names, or remove objects that are not needed.',
  },
  NotOwned: {
    sentence: 'A StatefulSet of that name exists but is not controlled by the StellarNode.',
    release:
      'Rename the StellarNode or remove the other StatefulSet. What it is: kubectl -n NAMESPACE describe sts NAME',
  },
  // Publishing: why a ConfigMap or Service is not as wanted.
  NamespaceTooLarge: {
    sentence:
      'Even with 8 peers for each validator, the lists of the namespace do not fit into one ConfigMap of 1 MiB; nothing new is published there.',
    release: 'Spread the validators over more namespaces.',
  },
  ListNotWorkedOut: {
    sentence: 'The list of peers could not be computed; the published list stays as it is.',
    release: 'Report this with the detail and the log of the leader; other networks are not affected.',
  },
  EmptyListRefused: {
    sentence:
      'An empty list of peers was not published over a filled one, since the network has other members.',
    release: 'Report this with the log of the leader; the published list stays as it is.',
  },
  KeyConflict: {
    sentence:
      'Another controller applies a key of ours in the peers ConfigMap; the key is left to that controller.',
    release:
      'Stop the other controller from applying the key. To see the name of that controller: ' +
      'kubectl -n NAMESPACE get configmap stellar-peers -o yaml --show-managed-fields',
  },
  ServiceHidesNotReady: {
    sentence: 'The headless Service hides pods that are not ready, so a new network cannot find itself.',
    release: 'Set publishNotReadyAddresses: true on the Service.',
  },
  ServiceNotHeadless: {
    sentence: 'The governing Service has a cluster IP, so pod names do not resolve.',
    release: 'Replace the Service with a headless one (clusterIP: None).',
  },
  ServiceMissing: {
    sentence:
      'The headless Service that the StatefulSet names does not exist, so the names of its pods do not resolve.',
    release:
      'Nothing is needed if the leader creates it within 15 s. If a quota or policy refused it, an Event says so: ' +
      'kubectl -n NAMESPACE describe stellarnode NAME',
  },
  RefusedByPolicy: {
    sentence: 'The API server or an admission policy refused our write; the write is tried again later.',
    release: 'Read the refusal in the log of the leader, and allow the write.',
  },
  ...POD_REASONS,
  ...RESTART_REASONS,
  ...RELOAD_REASONS,
  ...OWN_REASONS,
  ...STATE_REASONS,
} as const satisfies Record<string, ReasonText>;

export type ReasonCode = keyof typeof REASONS;

/** How much a reason matters: the type of its Event. */
export const severityOf = (code: ReasonCode): 'info' | 'warning' =>
  (REASONS[code] as ReasonText).severity ?? 'warning';

/** A reason for one object. `detail` names the object or the value that was found. */
export interface Reason {
  readonly code: ReasonCode;
  readonly detail?: string | undefined;
  /** What to do in this case, if REASONS says less; with the names of the objects. */
  readonly hint?: string | undefined;
}

const DETAIL_LENGTH_MAX = 500;
const HINT_LENGTH_MAX = 1_000;

/** Details often contain foreign texts, so they are made printable and shortened. */
const printable = (text: string): string => plainText(text, DETAIL_LENGTH_MAX);

/** A reason with an optional detail and an optional hint, which replaces the release. */
export const reason = (code: ReasonCode, detail?: string, hint?: string): Reason => ({
  code,
  ...(detail === undefined ? {} : { detail: printable(detail) }),
  ...(hint === undefined ? {} : { hint: plainText(hint, HINT_LENGTH_MAX) }),
});

/** A reason with the first of these problems, and how many more there are; undefined if there is none. */
export function reasonOfAll(code: ReasonCode, [first, ...others]: readonly string[]): Reason | undefined {
  if (first === undefined) return undefined;
  return reason(code, others.length > 0 ? `${first}, and ${others.length} more` : first);
}

/** A reason with a command that does what its release describes. */
export const reasonWith = (code: ReasonCode, detail: string, command: string): Reason =>
  reason(code, detail, `${REASONS[code].release.replace(/\.$/, '')}: ${command}`);

/**
 * The command that removes an annotation with an unknown value from an object, such as `StellarNode stellar/a` or
 * `Namespace stellar`. If the annotation is that of the pause, the value may be a misspelt pause; then the command
 * pauses.
 */
export function mendOf(object: string, annotation: string): string {
  const [kind = '', key = ''] = object.split(' ');
  const [first = '', name] = key.split('/');
  const what = name === undefined ? first : `${name} -n ${first}`;
  const change = annotation === ANNOTATION_ROLLOUT ? `${annotation}=paused --overwrite` : `${annotation}-`;
  return `kubectl annotate ${kind.toLowerCase()} ${what} ${change}`;
}

/** What to do about a reason, with the names of its objects, which are all in one namespace. */
export function releaseOf({ code, hint }: Reason, keys: readonly string[]): string {
  const [namespace = ''] = keys[0]?.split('/') ?? [];
  const names = keys.map((key) => key.slice(key.indexOf('/') + 1));
  return (
    (hint ?? REASONS[code].release)
      .replaceAll(/\bNAMESPACE\b/g, namespace)
      // These commands take one name.
      .replaceAll(/(?<=explain |logs )NAME\b/g, names[0] ?? '')
      .replaceAll(/\bNAME(-0)?\b/g, (_, pod = '') => names.map((name) => `${name}${pod}`).join(' '))
  );
}

type Coded = Pick<Reason, 'code'>;

const MEANT: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'Suspended',
  'OnRestart',
  'SignalledInstead',
  'Told',
  'EnvTaken',
  'PodsNotSeen',
]);

/** True for a state that a person wanted, so that there is nothing to do. */
export const isMeant = ({ code }: Coded): boolean => MEANT.has(code);

/** True for the state of a validator; false for the reason why something is not done. */
export const isState = ({ code }: Coded): boolean => code in STATE_REASONS;

/** True if something is not done yet, and is still to come. */
export const isWaiting = (why: Coded): boolean => !isMeant(why) && !isState(why);

/** The reason as text for a person: the sentence, then the detail in parentheses. */
export function describeReason({ code, detail }: Reason): string {
  const { sentence } = REASONS[code];
  return detail === undefined ? sentence : `${sentence.slice(0, -1)} (${detail}).`;
}
