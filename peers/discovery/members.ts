/** The possible pods of one validator: their identities and addresses are known before any pod exists. */
import { quoted } from '../field.ts';
import { digestOf, identityOf } from '../hash.ts';
import { type Reason, reason } from '../reasons/reasons.ts';
import { type Key, keyOf, type StatefulSetFacts, type Validator } from '../world.ts';
import { isLabel } from './address.ts';

/** One possible pod of a validator. */
export interface Member {
  /** `namespace/name-ordinal:port`. */
  readonly identity: string;
  readonly digest: string;
  readonly node: Key;
  readonly namespace: string;
  readonly pod: string;
  /** The key of its pod, whether or not the pod exists. */
  readonly podKey: Key;
  readonly ordinal: number;
  readonly port: number;
  /** `<pod>.<service>.<namespace>.svc.<domain>`: known before any pod exists, unchanged by restarts. */
  readonly dns: string;
  /** The address that peers dial: the DNS name and port, or the address that the StellarNode advertises instead. */
  readonly address: string;
  /** True for an advertised address, which other members may share. */
  readonly isAdvertised: boolean;
}

/** A DNS label's limit (RFC 1035); stellar-core could not resolve a longer one. */
const LABEL_LENGTH_MAX = 63;

/** Name of the governing Service that the upstream operator names and never creates. */
const headlessNameOf = (node: string): string => `${node}-headless`;

/** All possible pods of a validator. */
export interface Membership {
  readonly validator: Validator;
  readonly replicas: number;
  readonly firstOrdinal: number;
  /** The members that count: every pod that exists, and at most three more. */
  readonly members: readonly Member[];
  readonly running: readonly Member[];
  /** Why none of them can be a peer, whatever else holds. */
  readonly unfit: Reason | undefined;
}

/** How many count before their pods exist: replicas on paper cost nothing, but each takes a place in others' lists. */
const UNSEEN_MAX = 3;

/** The possible pods of `validator`. `runs` tells whether a pod runs; undefined if there is no such pod. */
export function membershipOf(
  validator: Validator,
  statefulSet: StatefulSetFacts | undefined,
  clusterDomain: string,
  runs: (pod: Key) => boolean | undefined,
): Membership {
  // The StatefulSet of a suspended validator has 0 replicas, so the replicas of the StellarNode count.
  const replicas = statefulSet && !validator.suspended ? statefulSet.replicas : validator.replicas;
  const firstOrdinal = statefulSet?.firstOrdinal ?? 0;
  const service = statefulSet?.serviceName || headlessNameOf(validator.name);
  const suffix = `${service}.${validator.namespace}.svc.${clusterDomain}`;
  const members: Member[] = [];
  const running: Member[] = [];
  let unseen = 0;
  for (let ordinal = firstOrdinal; ordinal < firstOrdinal + replicas; ordinal += 1) {
    const isRunning = runs(keyOf(validator.namespace, `${validator.name}-${ordinal}`));
    if (isRunning === undefined) unseen += 1;
    if (isRunning === undefined && unseen > UNSEEN_MAX) continue;
    const member = memberOf(validator, ordinal, suffix);
    members.push(member);
    if (isRunning) running.push(member);
  }
  const last = replicas > 0 ? `${validator.name}-${firstOrdinal + replicas - 1}` : undefined;
  const unfit = validator.suspended ? reason('Suspended') : unfitnessOf(last, suffix, service);
  return { validator, replicas, firstOrdinal, members, running, unfit };
}

function uncountedDigests({ validator, replicas, firstOrdinal, members }: Membership): string[] {
  const { namespace, name, port } = validator;
  const counted = new Set(members.map(({ ordinal }) => ordinal));
  const ordinals = Array.from({ length: replicas }, (_, index) => firstOrdinal + index);
  return ordinals
    .filter((ordinal) => !counted.has(ordinal))
    .map((ordinal) => digestOf(identityOf(namespace, `${name}-${ordinal}`, port)));
}

function memberOf(validator: Validator, ordinal: number, suffix: string): Member {
  const { key: node, namespace, port } = validator;
  const pod = `${validator.name}-${ordinal}`;
  const identity = identityOf(namespace, pod, port);
  const dns = `${pod}.${suffix}`;
  return {
    ...{ identity, digest: digestOf(identity), node, namespace, pod, ordinal, port, dns },
    podKey: keyOf(namespace, pod),
    address: validator.advertised ?? `${dns}:${port}`,
    isAdvertised: validator.advertised !== undefined,
  };
}

/** Why pods with such names cannot be peers. `last` is the pod with the longest name, if there is any pod. */
function unfitnessOf(last: string | undefined, suffix: string, service: string): Reason | undefined {
  // A pod's whole name is its host name, hence one label; its length also bounds the keys of ConfigMaps.
  const isTooLong = (label: string) => label.length > LABEL_LENGTH_MAX;
  const tooLong = last === undefined ? undefined : [last, ...suffix.split('.')].find(isTooLong);
  if (tooLong !== undefined) return reason('NameTooLong', tooLong);
  // The API server accepts any text as a Service name, also with quotes and line breaks, which would get into the files
  // of other validators.
  return isLabel(service) ? undefined : reason('InvalidServiceName', quoted(service));
}

/** Above this, digests of pods that do not count are not computed. In doubt such pods exist. */
const UNCOUNTED_MAX = 2_000;

/** Digests of all possible pods of these validators. `hasMore` is true if there are too many to compute them all. */
export function existingOf(memberships: readonly Membership[]): {
  existing: ReadonlySet<string>;
  hasMore: boolean;
} {
  const uncounted = memberships.reduce((sum, { replicas, members }) => sum + replicas - members.length, 0);
  const hasMore = uncounted > UNCOUNTED_MAX;
  const existing = new Set<string>();
  for (const membership of memberships) {
    for (const { digest } of membership.members) existing.add(digest);
    for (const digest of hasMore ? [] : uncountedDigests(membership)) existing.add(digest);
  }
  return { existing, hasMore };
}
