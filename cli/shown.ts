/** Decides which validators a command shows: all, those of one namespace (-n), or those that -l selects by labels. */
import { listed } from '../app/settings.ts';
import { type Key, keyOf } from '../peers/world.ts';
import { hasStatus } from '../runtime/kube/port.ts';
import { StellarNodes } from '../runtime/kube/resources.ts';
import type { Call } from './command.ts';
import { UsageError } from './exit.ts';
import type { Session } from './session.ts';

/** True for a validator that is shown, and for its namespace. */
export type Shown = (subject: Key) => boolean;

export const everything: Shown = () => true;

/** True for the objects in one namespace, and for the namespace itself. */
export const inNamespace =
  (namespace: string): Shown =>
  (subject) =>
    subject === namespace || subject.startsWith(`${namespace}/`);

/**
 * The choice by the flags. The API server itself evaluates a label selector, so that it works as in kubectl. Rejects with
 * UsageError for a selector that the API server cannot read.
 */
export async function shownBy({ flags }: Pick<Call, 'flags'>, session: Session): Promise<Shown> {
  const { 'all-namespaces': all, selector } = flags;
  const namespace = all ? undefined : flags.namespace;
  if (selector !== undefined) return await selectedBy(selector, namespace, session);
  return namespace === undefined ? everything : inNamespace(namespace);
}

async function selectedBy(
  labelSelector: string,
  namespace: string | undefined,
  { kube, settings }: Session,
): Promise<Shown> {
  const watched = listed(settings.watchNamespaces);
  const everywhere = watched.length === 0 ? [undefined] : watched;
  const namespaces = namespace === undefined ? everywhere : [namespace];
  const lists = await Promise.all(
    namespaces.map((each) =>
      kube.list(
        StellarNodes,
        { namespace: each, labelSelector, unmanaged: true },
        ({ metadata }) => metadata,
      ),
    ),
  ).catch((error: unknown) => {
    if (!hasStatus(error, 400)) throw error;
    const words = error.message.replace(/^.*?: 400 /s, '');
    throw new UsageError(
      `-l takes a label selector such as tier=core or 'tier in (core,edge)', not ${labelSelector} (${words})`,
    );
  });
  const found = lists.flatMap(({ items }) => items);
  const subjects = new Set(found.flatMap(({ namespace: of = '', name }) => [of, keyOf(of, name)]));
  return (subject) => subjects.has(subject);
}
