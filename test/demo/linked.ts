/**
 * The act of the demo on a public network: a validator that joins is linked to the others by its own list, so none of them
 * is restarted.
 */
import { Network } from '../cluster/network.ts';
import { type Play, status, watch } from './story.ts';
import { awaiting, show, step } from './telling.ts';

const THREE = ['public-1', 'public-2', 'public-3'];
const FOUR = [...THREE, 'public-4'];

/** Three validators of testnet, and a fourth that joins. */
export async function linked(play: Play): Promise<void> {
  const { scene, checks, options } = play;
  step('Three validators of testnet run, a fourth joins: it dials them, so none is restarted');
  const spec = { network: 'testnet', customNetworkPassphrase: null };
  const network = new Network(scene, 'stellar-public', { ...options, spec: { ...options.spec, ...spec } });
  await network.found(THREE);
  await awaiting('three validators know each other', network.untilTheyKnow(THREE));
  await network.add('public-4');
  await awaiting('the fourth starts with the three in its list', network.untilKnown(['public-4'], FOUR));
  await watch('no validator is restarted');
  const table = await status(play);
  const rows = table.split('\n').filter((line) => /^NETWORK +NAMESPACE|^testnet .* public-/.test(line));
  show(rows.join('\n'));
  const counts = Object.values(network.restarts(FOUR));
  checks.add(
    'a fourth joins on testnet: no validator is restarted',
    counts.every((count) => count === 0),
    `replaced: ${counts.reduce((sum, count) => sum + count, 0)}`,
  );
  const isLinked = THREE.every((name) => new RegExp(` ${name} +1/1 +2 +3 +3/3 `).test(table));
  checks.add('and is linked to the three, which know two each', isLinked, isLinked ? 'linked 3/3' : table);
}
