/**
 * The status as tables for people: a row per network, a row per validator, and what waits and why. Pure.
 */
import type { Count, NetworkStatus, StatusReport, Underway, ValidatorStatus } from './status-report.ts';
import { table } from './table.ts';
import type { Paint } from './terminal.ts';

/** How it is shown. */
interface Look {
  readonly isWide: boolean;
  readonly paint: Paint;
}

/** States in which there is nothing to see. */
const CALM: ReadonlySet<string> = new Set(['Current', 'Suspended', 'OnRestart', 'SignalledInstead']);

/** The whole text. */
export function renderStatus(report: StatusReport, look: Look): string {
  const { networks, validators, rollout } = report;
  if (validators.length === 0) return 'No validators found.\n';
  const everywhere =
    rollout === null ? '' : `Everywhere: stellar.org/peer-rollout=${rollout} on our own ConfigMap.\n\n`;
  const summary = networks.length === 0 ? '' : `${networkTable(networks, look)}\n`;
  return `${everywhere}${summary}${validatorTable(validators, look)}${inFlight(networks)}${waiting(report, look)}`;
}

const NETWORK_HEADINGS = [
  ...[
    'NETWORK',
    'VALIDATORS',
    'KNOWN',
    'LIVE',
    'CONNECTED',
    'QUORUM MARGIN',
    'UNADOPTED',
    'WAITING',
    'IN FLIGHT',
  ],
];

function networkTable(networks: readonly NetworkStatus[], { isWide }: Look): string {
  const rows = networks.map((network) => {
    const { validators, peers, unadopted, waiting: waits, inFlight: underway } = network;
    return [
      network.group,
      ...[counted(validators), counted(peers.known), counted(peers.live), counted(peers.connected)],
      margin(network),
      ...[String(unadopted.length), String(waits)],
      underway.map((entry) => `${entry.statefulSet} since ${timeOf(entry)}`).join(', ') || '-',
      ...(isWide ? [network.title] : []),
    ];
  });
  return table([isWide ? [...NETWORK_HEADINGS, 'TITLE'] : NETWORK_HEADINGS, ...rows]);
}

const counted = (count: Count | null): string => (count ? `${count.count}/${count.of}` : '-');

function margin({ quorum: { tolerance, margin: left, down } }: NetworkStatus): string {
  if (tolerance === null || left === null) return 'unknown';
  return down.length === 0 ? `${left}` : `${left} (${down.length} of ${tolerance} down)`;
}

/** The time of day; a length of time would be another text each second. */
const timeOf = ({ since }: Underway): string => since.slice(11, 19);

const VALIDATOR_HEADINGS = [
  ...['NETWORK', 'NAMESPACE', 'VALIDATOR', 'READY', 'KNOWS', 'PUBLISHED', 'CONNECTED', 'SYNCED'],
];

function validatorTable(validators: readonly ValidatorStatus[], { isWide, paint }: Look): string {
  const rows = validators.map((validator) => {
    const { network, namespace, name, ready, pods, published, state } = validator;
    const connected = pods.map((pod) => counted(pod.connected));
    const synced = pods.map((pod) => (pod.synced === null ? '-' : pod.synced ? 'yes' : 'no'));
    return [
      ...[network ?? '-', namespace, name, counted(ready)],
      pods.map(({ knows }) => knows ?? '-').join(',') || '-',
      published ? String(published.peers) : '-',
      joined(connected),
      joined(synced),
      ...(isWide
        ? [published?.hash ?? '-', joined(pods.map(({ hash }) => hash ?? '-')), published?.since ?? '-']
        : []),
      paint(CALM.has(state) ? 'green' : 'yellow', state),
    ];
  });
  const wide = isWide ? ['HASH', 'STARTED WITH', 'PUBLISHED SINCE'] : [];
  return table([[...VALIDATOR_HEADINGS, ...wide, 'STATE'], ...rows]);
}

/** A cell with something for each pod; one dash where there is nothing of any. */
const joined = (cells: readonly string[]): string =>
  cells.every((cell) => cell === '-') ? '-' : cells.join(',');

function inFlight(networks: readonly NetworkStatus[]): string {
  const lines = networks
    .flatMap((network) => network.inFlight)
    .map(({ statefulSet, since, kind, drift }) => `  ${statefulSet} since ${since} (${kind}, ${drift})\n`);
  return lines.length === 0 ? '' : `\nBeing restarted:\n${lines.join('')}`;
}

function waiting({ waiting: all }: StatusReport, { paint }: Look): string {
  const blocks = all.map(
    ({ subject, code, sentence, release }) =>
      `  ${paint('bold', subject)}  ${code}\n    ${sentence}\n    > ${release}\n`,
  );
  return blocks.length === 0 ? '' : `\nNot done, why, and what would help:\n${blocks.join('')}`;
}
