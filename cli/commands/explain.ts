/** `stellar-peers explain`: everything known and decided about one validator, as text for people or as data. */
import { keyOf } from '../../peers/world.ts';
import type { Call, Command } from '../command.ts';
import { EXIT, type ExitCode, ProblemError } from '../exit.ts';
import { CLUSTER_FLAGS } from '../flags.ts';
import { inFormat } from '../output.ts';
import { openSession } from '../session.ts';
import { readCluster } from '../snapshot.ts';
import { indented, table } from '../table.ts';
import type { Paint } from '../terminal.ts';
import { decideNow, type ShownReason } from './current-reasons.ts';
import { type Explained, type Explanation, explain } from './explanation.ts';
import type { Count } from './status-report.ts';

export const explainCommand: Command = {
  name: 'explain',
  synopsis: 'NAME',
  summary: 'show everything that is known and decided about one validator',
  details:
    'Shows the discovery result, the expected and running peers, what its pods started with and lack, what ' +
    'admission would do to its next pod, its restarts, and what the leader would do now, or why nothing. ' +
    "Without -n the namespace is that of the kubeconfig's context.",
  args: { min: 1, max: 1 },
  flags: ['namespace', 'output', ...CLUSTER_FLAGS],
  formats: ['table', 'json', 'yaml'],
  run: runExplain,
};

async function runExplain(call: Call): Promise<ExitCode> {
  const { args, flags, format, terminal } = call;
  const session = await openSession(call);
  const [name = ''] = args;
  const key = keyOf(flags.namespace ?? session.contextNamespace, name);
  const explanation = explain(key, decideNow(await readCluster(session)));
  if (!explanation) throw new ProblemError(`no such validator: ${key}`);
  terminal.print(inFormat(format, explanation, () => renderExplanation(explanation, terminal.paint)));
  return EXIT.ok;
}

type GroupFacts = NonNullable<Explained['group']>;
type ViewFacts = NonNullable<Explained['view']>;
type InjectionFacts = NonNullable<Explained['injection']>;
type Connections = NonNullable<Explained['pods'][number]['connections']>;

/** The explanation as text for people. */
export function renderExplanation(explanation: Explanation, paint: Paint): string {
  const { namespace, name } = explanation;
  const head = `${paint('bold', `${namespace}/${name}`)}\n`;
  const decided = decisionText(explanation, paint);
  if (explanation.found === 'unreadable') return `${head}${decided}`;
  const { group, view, injection } = explanation;
  const facts = [
    ...identity(explanation),
    ...(group ? groupLines(group) : []),
    ...(view ? viewLines(view) : []),
    ...(injection ? injectionLines(injection) : [['injection', 'no StatefulSet yet'] as const]),
  ];
  return `${head}${indented(facts)}${decided}${peersTable(view)}${outsideTable(view)}${podsTable(explanation)}${journalTable(explanation)}`;
}

type Line = readonly [label: string, text: string];

const spoken = ({ code, sentence, release }: ShownReason): string => `${code}: ${sentence} > ${release}`;

function identity(explained: Explained): Line[] {
  const { found, notPeer, network, port, replicas, addresses, annotations, strategy, rollFor } = explained;
  const outward = explained.outwardNames.map(({ address, from }) => `${address} (${from})`);
  const set = Object.entries(annotations).map(([name, value]) => `${name}=${value}`);
  return [
    ['found as', notPeer ? `${found}, ${spoken(notPeer)}` : found],
    ['network', `${network.id} (${network.title})`],
    ['port', String(port)],
    ['replicas', String(replicas)],
    ['others dial', addresses.join(', ') || 'nothing'],
    ...(outward.length > 0 ? [['name outside', outward.join(', ')] as const] : []),
    ['annotations', set.join(', ') || 'none of ours'],
    ['strategy', typeof strategy === 'string' ? strategy : `held, ${spoken(strategy)}`],
    ['restarted for', typeof rollFor === 'string' ? `${rollFor} peers` : `held, ${spoken(rollFor)}`],
  ];
}

function groupLines(group: GroupFacts): Line[] {
  const { name, validators, members, externals, tolerance, unreadableQuorumSet, down } = group;
  const reasons = Object.entries(down).map(([key, why]) => `${key} is ${why}`);
  const spares =
    tolerance === null
      ? `cannot be read${unreadableQuorumSet === null ? '' : ` (${unreadableQuorumSet})`}`
      : `can spare ${tolerance}`;
  const outside = externals === 0 ? '' : `, ${externals} addresses outside the cluster`;
  return [
    ['group', `${name}: ${validators} validators, ${members} members${outside}`],
    ['quorum', `${spares}; down now: ${reasons.join(', ') || 'none'}`],
  ];
}

const viewLines = ({ published, peers }: ViewFacts): Line[] => [
  [
    'published',
    published ? `${published.peers} peers, hash ${published.hash}, since ${published.since}` : 'nothing yet',
  ],
  ['should know', `${peers.length} peers, of which ${peers.filter(({ runs }) => runs).length} run`],
];

function injectionLines(injection: InjectionFacts): Line[] {
  const { injects, notInjected, configuration, notMerged, sidecar, noSidecar } = injection;
  const unasked = injection.webhookIsAsked
    ? ''
    : '; but the API server does not ask the webhook about its pods';
  const merged =
    configuration === null
      ? `left as it is${notMerged ? `, ${spoken(notMerged)}` : ''}`
      : `the peers go into ${configuration}`;
  const told = noSidecar ? `none, ${spoken(noSidecar)}` : 'tells the running stellar-core of new peers';
  return [
    ['injection', `${notInjected ? `no, ${spoken(notInjected)}` : 'its next pod gets the peers'}${unasked}`],
    ...(injects ? [['configuration', merged] as const] : []),
    ...(injects && (sidecar || noSidecar) ? [['sidecar', told] as const] : []),
  ];
}

function decisionText({ decision, reasons }: Explanation, paint: Paint): string {
  const label = `\n${paint('bold', 'Now')}: `;
  const lines = reasons.map(
    ({ code, sentence, release }) => `${paint('yellow', code)}. ${sentence}\n  > ${release}\n`,
  );
  if (decision.kind === 'restart') {
    return `${label}it is the next to be restarted (${decision.how}, ${decision.drift}).\n${lines.join('')}`;
  }
  if (lines.length > 0) return `${label}${lines.join('')}`;
  const settling = decision.kind === 'nothing' && decision.settling;
  return `${label}nothing is to be done${settling ? '; its StatefulSet is being rolled' : ''}.\n`;
}

/** `Told` is the only code here with which no restart is held. */
const heldText = ({ code }: ShownReason): string => (code === 'Told' ? code : `held: ${code}`);

const counted = ({ count, of }: Count): string => `${count}/${of}`;
const yesNo = (is: boolean): string => (is ? 'yes' : 'no');

function peersTable(view: ViewFacts | null): string {
  if (!view || view.peers.length === 0) return '';
  const rows = view.peers.map((peer) => [
    ...[peer.address, yesNo(peer.runs), yesNo(peer.published), counted(peer.knownBy), linkOf(peer)],
  ]);
  return `\n${table([['PEER', 'RUNS', 'PUBLISHED', 'KNOWN BY ITS PODS', 'LINKED'], ...rows])}`;
}

function outsideTable(view: ViewFacts | null): string {
  if (!view || view.outside.length === 0) return '';
  const rows = view.outside.map(({ address, from }) => [address, from.join(', ')]);
  return `\n${table([['PEER OUTSIDE', 'NAMED BY'], ...rows])}`;
}

/** Why the pair is linked: which end names the other, or what the HTTP ports showed. */
function linkOf({ runs, names, shown, knownBy: { count, of } }: ViewFacts['peers'][number]): string {
  const isKnown = of > 0 && count === of;
  if (!runs) return 'no';
  if (isKnown) return names ? 'by both' : 'by its own list';
  if (shown === 'apart') return 'no, seen unconnected';
  if (names) return "by the peer's list";
  return shown === 'connected' ? 'seen connected' : 'no';
}

function connectionsText({ connected, synced, failAt, missing }: Connections): string {
  const quorum = [
    ...(failAt === null ? [] : [`fails at ${failAt}`]),
    ...(missing === null || missing === 0 ? [] : [`${missing} missing`]),
  ];
  return [counted(connected), ...(synced ? ['synced'] : []), ...quorum].join(', ');
}

function podsTable({ pods }: Explained): string {
  if (pods.length === 0) return '\nIt has no pods.\n';
  const rows = pods.map(({ name, ready, created, stamp, lacks, lacksHeld, configuration, connections }) => [
    ...[name, yesNo(ready), created],
    stamp ? (stamp.hash === '' ? 'not known' : `${stamp.peers} peers, ${stamp.hash}`) : 'not injected',
    lacksHeld ? heldText(lacksHeld) : lacks,
    configuration ? [configuration.code, configuration.detail].join(' ').trim() : '-',
    connections ? connectionsText(connections) : '-',
  ]);
  const head = ['POD', 'READY', 'CREATED', 'STARTED WITH', 'LACKS', 'CONFIGURATION', 'CONNECTED'];
  return `\n${table([head, ...rows])}`;
}

function journalTable({ journal }: Explained): string {
  if (journal.length === 0) return '\nNo restart of ours within 24 hours.\n';
  const rows = journal.map(({ ended, ...row }) => [
    row.began,
    ended ?? '-',
    row.kind,
    row.drift,
    row.outcome,
  ]);
  return `\n${table([['RESTART BEGAN', 'ENDED', 'HOW', 'WHY', 'OUTCOME'], ...rows])}`;
}
