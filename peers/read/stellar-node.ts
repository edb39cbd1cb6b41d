/** Reads a raw StellarNode. Nothing in it is trusted, and nothing in it makes this code throw. */
import { homeDomainOf } from '../core/quorum-set.ts';
import { canBePeerAddress, parseAddress } from '../discovery/address.ts';
import { networkOf } from '../discovery/network.ts';
import { cutText, type Fields, fieldsOf, numberOf, stringsOf, textOf, timeOf } from '../field.ts';
import { peerReloadOf } from '../injection/reload.ts';
import {
  ANNOTATION_ADOPT,
  ANNOTATION_BUDGET,
  ANNOTATION_PEER_ADDRESS,
  ANNOTATION_PEER_CONFIG,
  ANNOTATION_PEER_PORT,
  ANNOTATION_ROLL_FOR,
  ANNOTATION_ROLLOUT,
  DEFAULT_PEER_PORT,
  INJECTION,
  NODE_TYPE_VALIDATOR,
  RELOAD_ANNOTATION,
} from '../names.ts';
import { type Reason, type ReasonCode, reason } from '../reasons/reasons.ts';
import type { NodeReading, Validator } from '../world.ts';
import { namedOf } from './named.ts';
import { oddOnNode } from './odd-annotations.ts';
import { type OwnPeers, readOwnPeers } from './own-peers.ts';

const PORT_MAX = 65_535;
/** More replicas than an operator runs of one validator: a typo must not fill a ConfigMap. */
const REPLICAS_MAX = 100;

const isWhole = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;

/** The peer port: the field, else the annotation, else stellar-core's default; undefined if not a port. */
function portOf(field: unknown, text: string | undefined): number | undefined {
  if (field !== undefined && field !== null) return isWhole(field, 1, PORT_MAX) ? field : undefined;
  if (text === undefined) return DEFAULT_PEER_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return isWhole(port, 1, PORT_MAX) ? port : undefined;
}

/** The addresses that the StellarNode gives. A part that cannot be read is reported; the rest counts. */
function addressesOf(
  text: string | undefined,
  { problem, ...own }: OwnPeers,
): Pick<Validator, 'advertised' | 'ownPeers' | 'outwardNames' | 'remark'> {
  const address = text === undefined ? undefined : parseAddress(text);
  const advertised = address !== undefined && canBePeerAddress(address) ? address : undefined;
  const isWrong = text !== undefined && advertised === undefined;
  return { advertised, ...own, remark: isWrong ? reason('InvalidAddress', shown(text)) : problem };
}

const QUORUM_SET_LENGTH_MAX = 64 * 1024;

/** A quorum set that is too long counts as unreadable, so its margin is not known. */
function quorumSetOf(spec: Fields): Pick<Validator, 'quorumSet'> & { readonly tooLong: Reason | undefined } {
  const quorumSet = textOf(fieldsOf(spec.validatorConfig).quorumSet);
  if (quorumSet === undefined || quorumSet.length <= QUORUM_SET_LENGTH_MAX) {
    return { quorumSet, tooLong: undefined };
  }
  return { quorumSet: '', tooLong: reason('TooLargeToRead', `quorumSet of ${quorumSet.length} characters`) };
}

/** A value for a reason. The API server accepts more levels of nesting than JSON.stringify can write. */
function shown(value: unknown): string {
  try {
    return cutText(JSON.stringify(value) ?? 'nothing', 80);
  } catch {
    return 'it is nested too deep';
  }
}

/** Reads the StellarNode. One that is being deleted, or has another type, is `other`. */
export function readNode(raw: Fields): NodeReading {
  const metadata = fieldsOf(raw.metadata);
  const spec = fieldsOf(raw.spec);
  const nodeType = textOf(spec.nodeType)?.toLowerCase();
  if (nodeType !== NODE_TYPE_VALIDATOR.toLowerCase()) return { kind: 'other' };
  const named = namedOf(metadata);
  const annotations = stringsOf(metadata.annotations);
  const network = networkOf(spec);
  const { quorumSet, tooLong } = quorumSetOf(spec);
  const homeDomain = homeDomainOf(quorumSet ?? '');
  const node = { ...named, networkId: network?.id, budget: annotations[ANNOTATION_BUDGET], homeDomain };
  if (metadata.deletionTimestamp !== undefined) return { kind: 'other', leaving: node };
  const unreadable = (code: ReasonCode, value: unknown): NodeReading => ({
    kind: 'unreadable',
    node,
    reason: reason(code, shown(value)),
  });
  if (!network) return unreadable('UnreadableNetwork', spec.network);
  const { vlSource, peerPort } = fieldsOf(spec.validatorConfig);
  const port = portOf(peerPort, annotations[ANNOTATION_PEER_PORT]);
  if (port === undefined) return unreadable('InvalidPort', peerPort ?? annotations[ANNOTATION_PEER_PORT]);
  const replicas = numberOf(spec.replicas) ?? 1;
  if (!isWhole(replicas, 0, REPLICAS_MAX)) return unreadable('InvalidReplicas', spec.replicas);
  const addresses = addressesOf(annotations[ANNOTATION_PEER_ADDRESS], readOwnPeers(spec, port));
  return {
    kind: 'validator',
    validator: {
      ...named,
      createdAtMs: timeOf(metadata.creationTimestamp) ?? 0,
      network,
      port,
      replicas,
      suspended: spec.suspended === true,
      maintenance: spec.maintenanceMode === true,
      quorumSet,
      hasListSource: vlSource !== undefined && vlSource !== null && vlSource !== '',
      rollout: annotations[ANNOTATION_ROLLOUT],
      rollFor: annotations[ANNOTATION_ROLL_FOR],
      adopt: annotations[ANNOTATION_ADOPT],
      budget: annotations[ANNOTATION_BUDGET],
      injection: annotations[INJECTION],
      config: annotations[ANNOTATION_PEER_CONFIG],
      peerReload: peerReloadOf(annotations[RELOAD_ANNOTATION]),
      ...addresses,
      remark: tooLong ?? addresses.remark,
      odd: oddOnNode(annotations),
    },
  };
}
