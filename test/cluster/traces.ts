/** Everything in a cluster that mentions us: in its name, a label, an annotation, a field or who wrote it. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import type { Cluster } from './boot.ts';

/** Our names, and the annotations that we or people for us write. */
const MENTION = /stellar-peers|stellar\.org\/peer|peers\.stellar\.org/;

/** Resources to leave out: events and endpoints are also listed in a newer form, componentstatuses are not stored. */
const LEFT_OUT = new Set(['events', 'endpoints', 'componentstatuses']);

/** Each as `Kind namespace/name`, sorted. Two lines are equal if kinds of two API groups have the same name. */
export async function tracesOf(cluster: Cluster): Promise<string[]> {
  const kinds = (await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n');
  const wanted = kinds.filter((kind) => !LEFT_OUT.has(kind)).join();
  // managedFields names us as the writer of a field: that is a trace too.
  const flags = ['-A', '-o', 'json', '--show-managed-fields'];
  const { items } = JSON.parse(await cluster.kubectl(['get', wanted, ...flags])) as { items: KubeObject[] };
  return items
    .filter((object) => MENTION.test(JSON.stringify(object)))
    .map(({ kind, metadata: { namespace = '', name } }) => `${kind} ${namespace}/${name}`)
    .sort();
}
