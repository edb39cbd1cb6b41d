/**
 * One raw StellarNode → how it reads. Nothing in it is trusted, and nothing in it makes this throw.
 */
import { parseAddress } from './address.ts';
import { type Fields, fieldsOf, numberOf, stringsOf, textOf, timeOf } from './field.ts';
import { namedOf } from './named.ts';
import {
  ANNOTATION_ADOPT,
  ANNOTATION_BUDGET,
  ANNOTATION_PEER_ADDRESS,
  ANNOTATION_PEER_CONFIG,
  ANNOTATION_PEER_PORT,
  ANNOTATION_ROLLOUT,
  DEFAULT_PEER_PORT,
  INJECTION,
  NODE_TYPE_VALIDATOR,
} from './names.ts';
import { networkOf } from './network.ts';
import { reason } from './reasons.ts';
import type { NodeReading, Validator } from './world.ts';

const PORT_MAX = 65_535;
/** More than any operator runs of one validator; a typo must not fill a ConfigMap. */
const REPLICAS_MAX = 100;

const isWhole = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;

/** The peer port: the field, else the annotation, else stellar-core's default; undefined if not a port. */
function portOf(spec: Fields, annotations: Readonly<Record<string, string>>): number | undefined {
  const field = fieldsOf(spec.validatorConfig).peerPort;
  if (field !== undefined && field !== null) return isWhole(field, 1, PORT_MAX) ? field : undefined;
  const text = annotations[ANNOTATION_PEER_PORT];
  if (text === undefined) return DEFAULT_PEER_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return isWhole(port, 1, PORT_MAX) ? port : undefined;
}

/** The address to advertise. One that cannot be read costs the validator nothing but that: its name stays. */
function addressOf(text: string | undefined): Pick<Validator, 'advertised' | 'remark'> {
  const advertised = text === undefined ? undefined : parseAddress(text);
  const remark = text === undefined || advertised ? undefined : reason('InvalidAddress', shown(text));
  return { advertised, remark };
}

/** What was found, cut short. The API server takes 10,000 levels of nesting, more than can be written as JSON here. */
function shown(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
  } catch {
    return 'it is nested too deep';
  }
}

/** How the StellarNode reads; one being deleted or of another type is `other`. */
export function readNode(raw: Fields): NodeReading {
  const metadata = fieldsOf(raw.metadata);
  const spec = fieldsOf(raw.spec);
  const nodeType = textOf(spec.nodeType)?.toLowerCase();
  if (metadata.deletionTimestamp !== undefined || nodeType !== NODE_TYPE_VALIDATOR.toLowerCase()) {
    return { kind: 'other' };
  }
  const node = namedOf(metadata);
  const annotations = stringsOf(metadata.annotations);

  const network = networkOf(spec);
  if (!network) {
    return { kind: 'unreadable', node, reason: reason('UnreadableNetwork', shown(spec.network)) };
  }
  const port = portOf(spec, annotations);
  if (port === undefined) {
    const found = fieldsOf(spec.validatorConfig).peerPort ?? annotations[ANNOTATION_PEER_PORT];
    return { kind: 'unreadable', node, reason: reason('InvalidPort', shown(found)) };
  }
  const replicas = numberOf(spec.replicas) ?? 1;
  if (!isWhole(replicas, 0, REPLICAS_MAX)) {
    return { kind: 'unreadable', node, reason: reason('InvalidReplicas', shown(spec.replicas)) };
  }
  return {
    kind: 'validator',
    validator: {
      ...node,
      createdAtMs: timeOf(metadata.creationTimestamp) ?? 0,
      network,
      port,
      replicas,
      suspended: spec.suspended === true,
      maintenance: spec.maintenanceMode === true,
      quorumSet: textOf(fieldsOf(spec.validatorConfig).quorumSet),
      rollout: annotations[ANNOTATION_ROLLOUT],
      adopt: annotations[ANNOTATION_ADOPT],
      budget: annotations[ANNOTATION_BUDGET],
      injection: annotations[INJECTION],
      config: annotations[ANNOTATION_PEER_CONFIG],
      ...addressOf(annotations[ANNOTATION_PEER_ADDRESS]),
    },
  };
}
