/** Describes the plan of a history to people. */
import type { Plan } from './plan.ts';

/** A plan as text: what exists, what is set, and what happens when. */
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
