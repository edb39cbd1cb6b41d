/** The API server for a leader: the last check before each write. What was sent before is safe by its conditions. */
import { type Kube, KubeError } from '../../runtime/kube/port.ts';

/** `kube`, with writes that are refused once `leads` returns false. */
export function whileLeading(kube: Kube, leads: () => boolean): Kube {
  const write =
    <A extends unknown[], R>(method: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (leads()) return method.apply(kube, args);
      throw new KubeError('not written: this replica no longer leads', {
        status: 0,
        reason: 'NotLeading',
      });
    };
  return {
    get: (ref) => kube.get(ref),
    list: (resource, query, read) => kube.list(resource, query, read),
    watch: (resource, query, onEvent, signal) => kube.watch(resource, query, onEvent, signal),
    create: write(kube.create),
    apply: write(kube.apply),
    replace: write(kube.replace),
    patch: write(kube.patch),
    delete: write(kube.delete),
  };
}
