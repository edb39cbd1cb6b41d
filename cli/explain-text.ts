/**
 * An explanation for people. Pure.
 */
import type {
  Decision,
  Explained,
  Explanation,
  GroupFacts,
  InjectionFacts,
  ViewFacts,
} from './explanation.ts';
import type { ToldReason } from './reasons-now.ts';
import type { Count } from './status-report.ts';
import { table } from './table.ts';
import type { Paint } from './terminal.ts';

/** The whole text. */
export function renderExplanation(explanation: Explanation, paint: Paint): string {
  const { namespace, name, decision } = explanation;
  const head = `${paint('bold', `${namespace}/${name}`)}\n`;
  const end = decisionText(decision, paint);
  if (explanation.found === 'unreadable') return `${head}${end}`;
  const { group, view, injection } = explanation;
  const facts = [
    ...identity(explanation),
    ...(group ? groupLines(group) : []),
    ...(view ? viewLines(view) : []),
    ...(injection ? injectionLines(injection) : [['injection', 'no StatefulSet yet'] as const]),
  ];
  const width = Math.max(...facts.map(([label]) => label.length));
  const lines = facts.map(([label, text]) => `  ${label.padEnd(width)}  ${text}\n`).join('');
  return `${head}${lines}${end}${peersTable(view)}${podsTable(explanation)}${journalTable(explanation)}`;
}

type Line = readonly [label: string, text: string];

const spoken = ({ code, sentence, release }: ToldReason): string => `${code}: ${sentence} > ${release}`;

function identity(explained: Explained): Line[] {
  const { found, notPeer, network, port, replicas, addresses, annotations, strategy } = explained;
  const set = Object.entries(annotations).map(([name, value]) => `${name}=${value}`);
  return [
    ['found as', notPeer ? `${found}, ${spoken(notPeer)}` : found],
    ['network', `${network.id} (${network.title})`],
    ['port', String(port)],
    ['replicas', String(replicas)],
    ['others dial', addresses.join(', ') || 'nothing'],
    ['annotations', set.join(', ') || 'none of ours'],
    ['strategy', typeof strategy === 'string' ? strategy : `held, ${spoken(strategy)}`],
  ];
}

function groupLines({
  name,
  validators,
  members,
  externals,
  tolerance,
  unreadableQuorumSet,
  down,
}: GroupFacts): Line[] {
  const reasons = Object.entries(down).map(([key, why]) => `${key} is ${why}`);
  const bears =
    tolerance === null
      ? `cannot be read${unreadableQuorumSet === null ? '' : ` (${unreadableQuorumSet})`}`
      : `bears ${tolerance} down`;
  const outside = externals === 0 ? '' : `, ${externals} addresses outside the cluster`;
  return [
    ['group', `${name}: ${validators} validators, ${members} members${outside}`],
    ['quorum', `${bears}; down now: ${reasons.join(', ') || 'none'}`],
  ];
}

const viewLines = ({ published, peers }: ViewFacts): Line[] => [
  [
    'published',
    published ? `${published.peers} peers, hash ${published.hash}, since ${published.since}` : 'nothing yet',
  ],
  ['should know', `${peers.length} peers, of which ${peers.filter(({ runs }) => runs).length} run`],
];

function injectionLines({
  webhookIsAsked,
  injects,
  notInjected,
  configuration,
  notMerged,
}: InjectionFacts): Line[] {
  const asked = webhookIsAsked ? '' : '; but the API server does not ask the webhook about its pods';
  const merged =
    configuration === null
      ? `left as it is${notMerged ? `, ${spoken(notMerged)}` : ''}`
      : `the peers go into ${configuration}`;
  return [
    ['injection', `${notInjected ? `no, ${spoken(notInjected)}` : 'its next pod gets the peers'}${asked}`],
    ...(injects ? [['configuration', merged] as const] : []),
  ];
}

function decisionText(decision: Decision, paint: Paint): string {
  const label = `\n${paint('bold', 'Now')}: `;
  if (decision.kind === 'restart') {
    return `${label}it is the next to be restarted (${decision.how}, ${decision.drift}).\n`;
  }
  if (decision.kind === 'nothing') {
    return `${label}nothing is to be done${decision.settling ? '; its StatefulSet is being rolled' : ''}.\n`;
  }
  const { code, sentence, release } = decision.reason;
  return `${label}${paint('yellow', code)}. ${sentence}\n  > ${release}\n`;
}

const counted = ({ count, of }: Count): string => `${count}/${of}`;
const yesNo = (is: boolean): string => (is ? 'yes' : 'no');

function peersTable(view: ViewFacts | null): string {
  if (!view || view.peers.length === 0) return '';
  const rows = view.peers.map(({ address, runs, published, knownBy }) => [
    ...[address, yesNo(runs), yesNo(published), counted(knownBy)],
  ]);
  return `\n${table([['PEER', 'RUNS', 'PUBLISHED', 'KNOWN BY ITS PODS'], ...rows])}`;
}

function podsTable({ pods }: Explained): string {
  if (pods.length === 0) return '\nIt has no pods.\n';
  const rows = pods.map(({ name, ready, created, stamp, lacks, lacksHeld, configuration, connections }) => [
    ...[name, yesNo(ready), created],
    stamp ? `${stamp.peers} peers, ${stamp.hash}` : 'not injected',
    lacksHeld ? `held: ${lacksHeld.code}` : lacks,
    configuration ? [configuration.code, configuration.detail].join(' ').trim() : '-',
    connections ? `${counted(connections.connected)}${connections.synced ? ', synced' : ''}` : '-',
  ]);
  const head = ['POD', 'READY', 'CREATED', 'STARTED WITH', 'LACKS', 'CONFIGURATION', 'CONNECTED'];
  return `\n${table([head, ...rows])}`;
}

function journalTable({ journal }: Explained): string {
  if (journal.length === 0) return '\nNo restart of ours within 24 hours.\n';
  const rows = journal.map(({ began, ended, kind, drift, outcome }) => [
    began,
    ended ?? '-',
    kind,
    drift,
    outcome,
  ]);
  return `\n${table([['RESTART BEGAN', 'ENDED', 'HOW', 'WHY', 'OUTCOME'], ...rows])}`;
}
