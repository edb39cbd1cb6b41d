/**
 * The pods-to-be of one validator: their identities and addresses, known before any pod exists.
 */
import { isLabel } from './address.ts';
import { digestOf, identityOf } from './hash.ts';
import { type Reason, reason } from './reasons.ts';
import { type Key, type StatefulSetFacts, storedKeyOf, type Validator } from './world.ts';

/** One pod-to-be of a validator. */
export interface Member {
  /** `namespace/name-ordinal:port`. */
  readonly identity: string;
  readonly digest: string;
  /** Key of its StellarNode. */
  readonly node: Key;
  readonly namespace: string;
  readonly pod: string;
  /** Key of its pod, once that exists. */
  readonly podKey: Key;
  readonly ordinal: number;
  readonly port: number;
  /** `<pod>.<service>.<namespace>.svc.<domain>`: known before any pod exists, unchanged by restarts. */
  readonly dns: string;
  /** What others dial: the DNS name and port, or what the StellarNode advertises instead. */
  readonly address: string;
  /** True where that is what the StellarNode advertises, which other members may share. */
  readonly isAdvertised: boolean;
}

/** A DNS label's limit (RFC 1035); stellar-core could not resolve a longer one. */
const LABEL_LENGTH_MAX = 63;

/** Name of the governing Service that the upstream operator names and never creates. */
const headlessNameOf = (node: string): string => `${node}-headless`;

/** The pods-to-be of a validator, and what they were made of. */
interface Roster {
  readonly replicas: number;
  readonly service: string;
  readonly domain: string;
  readonly members: readonly Member[];
  /** Why they cannot be peers, whatever else is said. */
  readonly unfit: Reason | undefined;
}

/** Made once, until the StellarNode or what counts of its StatefulSet changes: hashing is most of discovery. */
const rosters = new WeakMap<Validator, Roster>();

/** The pods-to-be of `validator`, by its StatefulSet where it has one. */
export function rosterOf(
  validator: Validator,
  statefulSet: StatefulSetFacts | undefined,
  { clusterDomain: domain }: { readonly clusterDomain: string },
): Roster {
  // A suspended validator's StatefulSet has 0 replicas; its pods-to-be are those of the StellarNode.
  const replicas = statefulSet && !validator.suspended ? statefulSet.replicas : validator.replicas;
  const service = statefulSet?.serviceName || headlessNameOf(validator.name);
  const known = rosters.get(validator);
  if (known?.replicas === replicas && known.service === service && known.domain === domain) {
    return known;
  }
  const suffix = `${service}.${validator.namespace}.svc.${domain}`;
  const members = Array.from({ length: replicas }, (_, ordinal) => memberOf(validator, ordinal, suffix));
  const roster = { replicas, service, domain, members, unfit: unfitnessOf(members, suffix, service) };
  rosters.set(validator, roster);
  return roster;
}

function memberOf(validator: Validator, ordinal: number, suffix: string): Member {
  const { key: node, namespace, port } = validator;
  const pod = `${validator.name}-${ordinal}`;
  const identity = identityOf(namespace, pod, port);
  const dns = `${pod}.${suffix}`;
  return {
    ...{ identity, digest: digestOf(identity), node, namespace, pod, ordinal, port, dns },
    podKey: storedKeyOf(namespace, pod),
    // Joined, which makes one text: what `+` makes stays in pieces, and each of thousands of files is copied from them.
    address: validator.advertised ?? [dns, port].join(':'),
    isAdvertised: validator.advertised !== undefined,
  };
}

/** Why names like these cannot be those of peers. */
function unfitnessOf(members: readonly Member[], suffix: string, service: string): Reason | undefined {
  // A pod's whole name is its host name, hence one label; its length also bounds the keys of ConfigMaps.
  const isTooLong = (label: string) => label.length > LABEL_LENGTH_MAX;
  const tooLong =
    members.find(({ pod }) => isTooLong(pod))?.pod ??
    (members.length > 0 ? suffix.split('.').find(isTooLong) : undefined);
  if (tooLong !== undefined) return reason('NameTooLong', tooLong);
  // The API server takes any text there, lines and quotes included, and others would find it in their files.
  return isLabel(service) ? undefined : reason('InvalidServiceName', JSON.stringify(service.slice(0, 60)));
}
