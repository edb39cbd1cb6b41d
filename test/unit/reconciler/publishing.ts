/**
 * Publishing to an API server in memory: one leader that reads the objects, plans, and writes its plan.
 */
import { discover } from '../../../peers/discovery/discover.ts';
import { Publisher } from '../../../reconciler/apply/publisher.ts';
import { planPublish } from '../../../reconciler/plan/publish/publish.ts';
import { planServices } from '../../../reconciler/plan/publish/services.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { ConfigMaps, type ObjectRef, Services } from '../../../runtime/kube/resources.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { node, type Parts, pod, statefulSet, worldWith } from '../world.ts';
import { DISCOVERY, NOW_MS } from './group.ts';

export const OWN = 'stellar-peers';
const SETTINGS = { ownNamespace: OWN, maxPeers: 24 };

/** Running validators of these names, with their StatefulSets and pods. */
export const running = (...names: string[]): Parts => ({
  nodes: names.map((name) => node(name)),
  statefulSets: names.map((name) => statefulSet(name)),
  pods: names.map((name) => pod(name)),
});

export const peersIn = (namespace: string): ObjectRef => ({
  resource: ConfigMaps,
  namespace,
  name: 'stellar-peers',
});

export class Publishing {
  readonly kube = new MemoryKube();
  readonly clock = new ManualClock(NOW_MS);
  readonly log = new CapturedLog();
  readonly publisher = new Publisher({
    kube: this.kube,
    clock: this.clock,
    log: this.log,
    ownNamespace: OWN,
  });

  /** The World of these parts, with the ConfigMaps and Services that are there now. */
  async world(parts: Parts) {
    const configMaps = await this.kube.list(ConfigMaps, { fieldSelector: 'metadata.name=stellar-peers' });
    const services = await this.kube.list(Services);
    return worldWith({ ...parts, configMaps: configMaps.items as never, services: services.items as never });
  }

  async plan(parts: Parts, maxPeers = SETTINGS.maxPeers) {
    const world = await this.world(parts);
    return planPublish(world, discover(world, DISCOVERY), { ...SETTINGS, maxPeers }, this.clock.nowMs());
  }

  /** The plan of a leader whose caches show no ConfigMap. */
  planUnaware(parts: Parts) {
    const world = worldWith(parts);
    return planPublish(world, discover(world, DISCOVERY), SETTINGS, this.clock.nowMs());
  }

  /** Namespaces whose ConfigMap is not as it should be; the overview, which is rate-limited, aside. */
  async pending(parts: Parts): Promise<string[]> {
    const { configMaps } = await this.plan(parts);
    return configMaps.map(({ namespace }) => namespace).filter((namespace) => namespace !== OWN);
  }

  /** One pass of the leader over ConfigMaps; returns the namespaces written. */
  async pass(parts: Parts, maxPeers?: number): Promise<string[]> {
    const plan = await this.plan(parts, maxPeers);
    return [...(await this.publisher.publish(plan.configMaps)).keys()].sort();
  }

  /** One pass of the leader over Services; returns what it reports, by StellarNode. */
  async servicesPass(parts: Parts): Promise<Record<string, string>> {
    const world = await this.world(parts);
    const plan = planServices(world, discover(world, DISCOVERY));
    await this.publisher.createServices(plan);
    return Object.fromEntries([...plan.reports].map(([key, { code }]) => [key, code]));
  }

  data(namespace: string): Readonly<Record<string, string>> {
    return (this.kube.observe(peersIn(namespace))?.data ?? {}) as Record<string, string>;
  }

  keys(namespace: string): string[] {
    return Object.keys(this.data(namespace)).sort();
  }

  /** A person's edit of one key: undefined deletes it. */
  async edit(namespace: string, key: string, value: string | undefined): Promise<void> {
    const path = `/data/${key.replaceAll('/', '~1')}`;
    const operation = value === undefined ? { op: 'remove', path } : { op: 'add', path, value };
    await this.kube.patch(peersIn(namespace), [operation as never]);
  }

  /** Another controller that applies data into one of the ConfigMaps, with force. */
  async foreignApply(namespace: string, data: Record<string, string>): Promise<KubeObject> {
    const metadata = { name: 'stellar-peers', namespace };
    return this.kube.apply(peersIn(namespace), { metadata, data }, { manager: 'gitops', force: true });
  }

  /** The requests that were writes, since the beginning. */
  writes(): string[] {
    return this.kube.requests.filter((request) => !/^(get|list) /.test(request));
  }
}
