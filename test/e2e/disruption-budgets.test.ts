/** PodDisruptionBudgets: a StatefulSet's roll does not check them, so stellar-peers does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PodDisruptionBudgets } from '../../runtime/kube/resources.ts';
import { FOUR, Network, THREE } from '../cluster/network.ts';
import { sharedScene, startedScene } from '../cluster/shared-scene.ts';
import { untilWaiting } from '../cluster/told.ts';
import { until } from '../cluster/until.ts';

const ALL_NODES = { 'app.kubernetes.io/name': 'stellar-node' };

describe('disruption budgets', () => {
  const scene = startedScene(() => sharedScene());

  /** The disruptions that a budget allows, by its status; waits until the status is about the present budget. */
  const allowedBy = async (namespace: string, name: string): Promise<number> => {
    const pdb = await until(`the status of the budget ${namespace}/${name} is up to date`, async () => {
      const found = await scene.cluster.admin.get({ resource: PodDisruptionBudgets, namespace, name });
      const { observedGeneration } = (found?.status ?? {}) as { observedGeneration?: number };
      return observedGeneration === found?.metadata.generation ? found : undefined;
    });
    return (pdb.status as { disruptionsAllowed: number }).disruptionsAllowed;
  };

  /** Makes or changes a person's budget for the pods with these labels; resolves when it allows so many disruptions. */
  async function budget(
    { namespace, name, labels }: { namespace: string; name: string; labels: Record<string, string> },
    limit: { minAvailable: number | string } | { maxUnavailable: number | string },
    allowed: number,
  ): Promise<void> {
    const body = { metadata: { name, namespace }, spec: { ...limit, selector: { matchLabels: labels } } };
    const ref = { resource: PodDisruptionBudgets, namespace, name };
    await scene.cluster.admin.apply(ref, body, { manager: 'stranger' });
    const describe = `${namespace}/${name} allows ${allowed}`;
    await until(describe, async () => (await allowedBy(namespace, name)) === allowed);
  }

  /**
   * Deletes the operator's budgets, so that each pod has only one budget. If a pod has several, Kubernetes' controller updates
   * only one of them when the pod changes: the one that it finds first.
   */
  async function untilOnlyOurs(network: Network, names: readonly string[]): Promise<void> {
    await network.untilReady(names);
    await scene.cluster.kubectl(['-n', network.namespace, 'delete', 'pdb', ...names]);
  }

  async function untilHeld(network: Network, names: readonly string[], by: string): Promise<void> {
    const { namespace } = network;
    const status = await untilWaiting(scene, { namespace, names, reason: 'PdbForbids' });
    assert.match(status, new RegExp(`\\(${namespace}/${by}\\)`));
    await network.settledAsTheyWere();
  }

  it('of the operator, which could never allow a disruption, hold no validator', async () => {
    const network = await new Network(scene, 'generated').foundUpToDate();
    for (const name of THREE) assert.equal(await allowedBy('generated', name), 0);
    await network.add('validator-4');
    await network.untilFourth();
  });

  it('of a person that could never allow a disruption hold validators until they are deleted', async () => {
    const network = await new Network(scene, 'own').foundUpToDate();
    const labels = { ...ALL_NODES, 'app.kubernetes.io/instance': 'validator-2' };
    await budget({ namespace: 'own', name: 'one', labels }, { minAvailable: 1 }, 0);
    await network.add('validator-4');
    await network.untilKnown(['validator-1', 'validator-3'], FOUR);
    await untilHeld(network, ['validator-2'], 'one');
    network.assertRestarts(FOUR, [1, 0, 1, 0]);
    await scene.cluster.kubectl(['-n', 'own', 'delete', 'pdb', 'one']);
    await network.untilFourth();
  });

  it('with a percentage hold validators while they allow no disruption, and then let them restart one at a time', async () => {
    const network = await new Network(scene, 'percentage').foundUpToDate();
    const all = { namespace: 'percentage', name: 'all', labels: ALL_NODES };
    await budget(all, { minAvailable: '100%' }, 0);
    await network.add('validator-4');
    await untilOnlyOurs(network, FOUR);
    await untilHeld(network, THREE, 'all');
    await budget(all, { minAvailable: '75%' }, 1);
    await network.untilFourth();
  });

  it('that another validator has used up hold validators until the other validator is back', async () => {
    const network = await new Network(scene, 'spent').foundUpToDate();
    await network.add('stranger', { spec: { customNetworkPassphrase: 'another network ; 2026' } });
    await untilOnlyOurs(network, [...THREE, 'stranger']);
    const all = { namespace: 'spent', name: 'all', labels: ALL_NODES };
    await budget(all, { maxUnavailable: 1 }, 1);
    await network.setReadiness('stranger', 'lost');
    await budget(all, { maxUnavailable: 1 }, 0);
    await network.add('validator-4');
    await untilOnlyOurs(network, ['validator-4']);
    await untilHeld(network, THREE, 'all');
    await network.setReadiness('stranger', undefined);
    await network.untilTheyKnow(FOUR);
    network.assertRestarts([...FOUR, 'stranger'], [1, 1, 1, 0, 0]);
  });

  it('of which a pod has several hold the pod while any of them allows no disruption', async () => {
    const network = await new Network(scene, 'several').foundUpToDate();
    const loose = { namespace: 'several', name: 'loose', labels: ALL_NODES };
    const strict = { ...loose, name: 'strict', labels: { 'app.kubernetes.io/component': 'validator' } };
    await budget(loose, { maxUnavailable: '50%' }, 2);
    await budget(strict, { maxUnavailable: '0%' }, 0);
    await network.add('validator-4');
    await untilOnlyOurs(network, FOUR);
    await untilHeld(network, THREE, 'strict');
    // In this order, one of the budgets forbids a disruption at every moment.
    await budget(loose, { maxUnavailable: 0 }, 0);
    await budget(strict, { maxUnavailable: '25%' }, 1);
    await untilHeld(network, THREE, 'loose');
    await scene.cluster.kubectl(['-n', 'several', 'delete', 'pdb', 'loose']);
    await network.untilFourth();
  });
});
