/**
 * The acts of the demo in which stellar-core gets its peers: by its configuration, and by a signal.
 */
import { join } from 'node:path';
import { Cores } from '../cluster/cores.ts';
import { Network } from '../cluster/network.ts';
import { until } from '../cluster/until.ts';
import { type Play, ROOT, status, watch } from './story.ts';
import { awaiting, say, show, step } from './telling.ts';

/** Lines of a merged configuration that name two peers: a comment, the key, the peers, the end. */
const PEERS_LINES = 5;

/** Shows the configuration that stellar-core reads. */
export async function merged({ network, checks, transcript, started }: Play): Promise<void> {
  step('What stellar-core reads in validator-1-0: its own configuration, with the peers in front');
  const { namespace } = network;
  const { log, message, configuration: file } = await started({ namespace, name: 'validator-1-0' });
  say('   init container stellar-peers-config (image of the main container, in memory, fails open):');
  show(log);
  say('   /config/stellar-core.cfg, as the main container finds it:');
  show(file);
  transcript.command(`head -n ${PEERS_LINES} /config/stellar-core.cfg   # in the pod validator-1-0`);
  transcript.text(file.split('\n').slice(0, PEERS_LINES).join('\n'));
  const inFile = ['validator-2', 'validator-3'].every((name) =>
    file.includes(`"${name}-0.${name}-headless.`),
  );
  const own = file.includes('CATCHUP_COMPLETE=false');
  checks.add('the configuration is the original with the peers in front', inFile && own, message);
}

const SIGNALLED = ['signalled-1', 'signalled-2', 'signalled-3'];
const SIGNALLED_FOUR = [...SIGNALLED, 'signalled-4'];

/** Another network, whose validators have open HTTP ports, so they are told of a peer and not restarted. */
export async function signal(play: Play): Promise<void> {
  const { scene, checks } = play;
  step(
    'Another network has strategy Signal and the HTTP port open: a fourth joins, no validator is restarted',
  );
  const network = new Network(scene, 'stellar-signalled');
  const cores = new Cores(scene.cluster.admin, (pod) => pod.startsWith(`${network.namespace}/`));
  try {
    const apply = (file: string) =>
      scene.cluster.kubectl(['apply', '-f', join(ROOT, 'examples/signal', file)]);
    await apply('namespace.yaml');
    await apply('validators.yaml');
    await awaiting('three validators become Ready', network.untilReady(SIGNALLED));
    await apply('fourth.yaml');
    await awaiting('the fourth becomes Ready', network.untilReady(['signalled-4']));
    const connected =
      /signalled-1 .* 3\/3 .*\n.*signalled-2 .* 3\/3 .*\n.*signalled-3 .* 3\/3 .*\n.*signalled-4 .* 3\/3 /;
    const table = await awaiting(
      'the three are told, and all are connected',
      until('status shows all connected', async () => {
        const text = await status(play);
        return connected.test(text) ? text : undefined;
      }),
    );
    const calls = SIGNALLED.flatMap((name) => [
      ...callsOf(play, cores, network, [name, 'signalled-4']),
      ...callsOf(play, cores, network, ['signalled-4', name]),
    ]);
    show(calls.join('\n'));
    const rows = table.split('\n').filter((line) => /^NETWORK +NAMESPACE|^custom.* signalled-/.test(line));
    show(rows.join('\n'));
    await watch('no validator is restarted');
    const counts = network.restarts(SIGNALLED_FOUR);
    checks.add(
      'signal: one end of each new pair is told once, and no validator is restarted',
      calls.length === SIGNALLED.length && Object.values(counts).every((count) => count === 0),
      `told: ${calls.length} calls for ${SIGNALLED.length} pairs`,
    );
    await conclude(play);
  } finally {
    await cores.stop();
  }
}

/** The calls that told the first validator of the second. */
function callsOf(
  { scene }: Play,
  cores: Cores,
  network: Network,
  [name, peer]: readonly [string, string],
): string[] {
  const { podIP = '' } = (scene.pods.pods.get(network.podOf(peer))?.status ?? {}) as { podIP?: string };
  const dialled = cores.dialled(network.podOf(name)).filter((address) => address === `${podIP}:11625`);
  return dialled.map(() => `  ${name}-0 gets GET /connect?peer=${podIP}&port=11625`);
}

/** Shows the output of `stellar-peers status`. */
async function conclude(play: Play): Promise<void> {
  step('Everything at a glance: stellar-peers status');
  show(await status(play));
}
