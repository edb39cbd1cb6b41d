/** Shrinks a failing history: leaves out all parts without which the same invariant still fails. */
import { play } from './history.ts';
import { type Action, CALM, type Plan, type Rates } from './plan.ts';

/** The most histories to play. Each takes a fraction of a second. */
const PLAYS_MAX = 150;

/** The smallest plan found that breaks the same invariant. */
export async function shrink(plan: Plan, code: string): Promise<Plan> {
  let plays = 0;
  const breaks = async (candidate: Plan): Promise<boolean> => {
    plays += 1;
    return plays <= PLAYS_MAX && (await play(candidate)).problem?.code === code;
  };
  let smallest = plan;
  for (const name of ['machines', 'kubeletSkewsMs', 'isOldKubernetes', 'needPeers'] as const) {
    const { [name]: _left, ...candidate } = smallest;
    if (await breaks(candidate)) smallest = candidate;
  }
  for (const name of Object.keys(CALM) as Array<keyof Rates>) {
    const candidate = { ...smallest, rates: { ...smallest.rates, [name]: CALM[name] } };
    if (await breaks(candidate)) smallest = candidate;
  }
  for (
    let size = Math.ceil(smallest.actions.length / 2);
    size >= 1;
    size = size > 1 ? Math.ceil(size / 2) : 0
  ) {
    for (let from = 0; from < smallest.actions.length; ) {
      const actions = without(smallest.actions, from, size);
      const candidate = { ...smallest, actions };
      if (await breaks(candidate)) smallest = candidate;
      else from += size;
    }
  }
  return smallest;
}

const without = (actions: readonly Action[], from: number, count: number): Action[] => [
  ...actions.slice(0, from),
  ...actions.slice(from + count),
];

/** A plan as text for people. */
export function describePlan(plan: Plan): string {
  const { seed, networks, nodes, founders, settings, rates, actions, machines } = plan;
  const named = nodes.map(
    ({ namespace, name, network, readyMs, replicas, port, sidecar }, index) =>
      `  ${index < founders ? 'founder' : 'later  '} ${namespace}/${name} of network ${network}, Ready after ${readyMs ?? '∞'} ms` +
      `${replicas > 1 ? `, ${replicas} replicas` : ''}${port ? `, port ${JSON.stringify(port)}` : ''}` +
      `${sidecar ? `, sidecar ${JSON.stringify(sidecar)}` : ''}`,
  );
  const done = actions.map(
    ({ atMs, ...deed }) => `  ${(atMs / 1000).toFixed(1).padStart(7)} s  ${JSON.stringify(deed)}`,
  );
  return [
    `seed ${seed}`,
    `networks ${JSON.stringify(networks)}`,
    ...named,
    `settings ${JSON.stringify(settings)}`,
    `rates ${JSON.stringify(rates)}`,
    `machines ${machines ?? 'enough'}, clocks ahead ${JSON.stringify(plan.kubeletSkewsMs ?? [])} ms, ` +
      `${plan.isOldKubernetes ? 'Kubernetes up to 1.35' : 'Kubernetes 1.37'}, ` +
      `${plan.needPeers ? 'Ready only with peers, ' : ''}calm at ${plan.calmAtMs} ms`,
    ...done,
  ].join('\n');
}
