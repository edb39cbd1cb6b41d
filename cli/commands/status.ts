/** `stellar-peers status`: networks, validators, and what waits and why, as the leader would decide. */
import { groupedReasons, groupTitle, type ReasonGroup } from '../../peers/reasons/reason-groups.ts';
import { isMeant, isState, isWaiting } from '../../peers/reasons/reasons.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { inFormat } from '../output.ts';
import { openSession } from '../session.ts';
import { shownBy } from '../shown.ts';
import { readCluster } from '../snapshot.ts';
import { table } from '../table.ts';
import type { Paint } from '../terminal.ts';
import { watchText } from '../watching.ts';
import { decideNow } from './current-reasons.ts';
import {
  type Count,
  type NetworkReport,
  reasonsIn,
  type StatusReport,
  statusReport,
  type ValidatorReport,
} from './status-report.ts';

export const statusCommand: Command = {
  name: 'status',
  summary: 'show networks and validators: the peers they know, the restarts under way, what waits and why',
  details:
    'Without -n and -l, all validators are shown; with them, only the chosen ones and their networks. The command ' +
    'reads the cluster and decides as the leader would. With -w it reads every two seconds, and prints the ' +
    'status again after a change: on a terminal in place of the old one, otherwise below it.',
  flags: ['namespace', 'all-namespaces', 'selector', 'output', 'watch', ...CLUSTER_FLAGS],
  formats: ['table', 'wide', 'json', 'yaml'],
  run: runStatus,
};

async function runStatus(call: Call): Promise<ExitCode> {
  const { flags, format, terminal } = call;
  const session = await openSession(call);
  const read = async (): Promise<string> => {
    const cluster = decideNow(await readCluster(session));
    const isShown = await shownBy(call, session);
    const report = statusReport(cluster, isShown);
    const groups = groupedReasons(reasonsIn(cluster, isShown));
    const look = { isWide: format === 'wide', paint: terminal.paint };
    return inFormat(format, report, () => renderStatus(report, groups, look));
  };
  if (flags.watch) await watchText(read, { terminal, clock: systemClock, signal: terminal.stopped() });
  else terminal.print(await read());
  return EXIT.ok;
}

interface Look {
  readonly isWide: boolean;
  readonly paint: Paint;
}

/** The report as text for people. */
export function renderStatus(report: StatusReport, groups: readonly ReasonGroup[], look: Look): string {
  const { networks, validators, rollout } = report;
  if (validators.length === 0) return 'No validators found.\n';
  const everywhere =
    rollout === null ? '' : `Everywhere: stellar.org/peer-rollout=${rollout} on our own ConfigMap.\n\n`;
  const summary = networks.length === 0 ? '' : `${networkTable(networks, look)}\n`;
  return `${everywhere}${summary}${validatorTable(validators, look)}${inFlight(networks)}${waitingText(groups, look)}`;
}

const NETWORK_HEADINGS = [
  ...['NETWORK', 'VALIDATORS', 'KNOWN', 'LIVE', 'CONNECTED', 'QUORUM MARGIN', 'UNADOPTED', 'WAITING'],
  'IN FLIGHT',
];

function networkTable(networks: readonly NetworkReport[], { isWide }: Look): string {
  const rows = networks.map((network) => {
    const { validators, peers, unadopted, waiting: waits, inFlight: underway } = network;
    return [
      network.group,
      ...[counted(validators), counted(peers.known), counted(peers.live), counted(peers.connected)],
      margin(network),
      ...[String(unadopted.length), String(waits)],
      String(underway.length),
      ...(isWide ? [network.title] : []),
    ];
  });
  return table([isWide ? [...NETWORK_HEADINGS, 'TITLE'] : NETWORK_HEADINGS, ...rows]);
}

const counted = (count: Count | null): string => (count ? `${count.count}/${count.of}` : '-');

function margin({ quorum: { tolerance, margin: left } }: NetworkReport): string {
  if (tolerance === null || left === null) return 'unknown';
  return left === tolerance ? `${left}` : `${left} (${tolerance - left} of ${tolerance} down)`;
}

const VALIDATOR_HEADINGS = [
  ...['NETWORK', 'NAMESPACE', 'VALIDATOR', 'READY', 'KNOWS', 'PUBLISHED', 'LINKED', 'CONNECTED', 'SYNCED'],
];

function validatorTable(validators: readonly ValidatorReport[], { isWide, paint }: Look): string {
  const rows = validators.map((validator) => {
    const { network, namespace, name, ready, pods, published, state } = validator;
    const connected = pods.map((pod) => counted(pod.connected));
    const synced = pods.map((pod) => (pod.synced === null ? '-' : pod.synced ? 'yes' : 'no'));
    return [
      ...[network ?? '-', namespace, name, counted(ready)],
      pods.map(({ knows }) => knows ?? '-').join(',') || '-',
      published ? String(published.peers) : '-',
      joined(pods.map(({ linked }) => counted(linked))),
      joined(connected),
      joined(synced),
      ...(isWide
        ? [published?.hash ?? '-', joined(pods.map(({ hash }) => hash ?? '-')), published?.since ?? '-']
        : []),
      paint(state === 'Current' || isMeant({ code: state }) ? 'green' : 'yellow', state),
    ];
  });
  const wide = isWide ? ['HASH', 'STARTED WITH', 'PUBLISHED SINCE'] : [];
  return table([[...VALIDATOR_HEADINGS, ...wide, 'STATE'], ...rows]);
}

/** A cell with a value for each pod; a single dash if no pod has a value. */
const joined = (cells: readonly string[]): string =>
  cells.every((cell) => cell === '-') ? '-' : cells.join(',');

function inFlight(networks: readonly NetworkReport[]): string {
  const lines = networks
    .flatMap((network) => network.inFlight)
    .map(({ statefulSet, since, kind, drift }) => `  ${statefulSet} since ${since} (${kind}, ${drift})\n`);
  return lines.length === 0 ? '' : `\nBeing restarted:\n${lines.join('')}`;
}

/** The reasons in three parts: validators that are not up, waiting ones, and states that a person wanted. */
function waitingText(groups: readonly ReasonGroup[], { paint }: Look): string {
  const sections = [
    ['Not up', isState],
    ['Waiting', isWaiting],
    ['As intended', isMeant],
  ] as const;
  return sections
    .map(([title, holds]) => [title, groups.filter(holds)] as const)
    .map(([title, of]) => (of.length === 0 ? '' : `\n${title}:\n${groupsText(of, paint)}`))
    .join('');
}

/** Reasons with the names of their objects, and what to do about them. */
export const groupsText = (groups: readonly ReasonGroup[], paint: Paint): string =>
  groups
    .map((group) => {
      const { subjects, code, sentence, release } = group;
      const names = subjects.length === 1 ? '' : `    ${subjects.join(', ')}\n`;
      return `  ${paint('bold', groupTitle(group))}  ${code}\n${names}    ${sentence}\n    > ${release}\n`;
    })
    .join('');
