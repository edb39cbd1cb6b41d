/** The revisions of StatefulSets: each template has a name, and the same template always has the same name. */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { fieldsAt, isSame } from './frozen.ts';
import { specOf } from './workloads.ts';

type Template = ReturnType<typeof specOf>['template'];

export interface Revision {
  readonly name: string;
  readonly template: Template;
}

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const HISTORY_MAX = 12;

function hashOf(template: Template): string {
  let hash = 0x811c9dc5;
  const text = JSON.stringify(template);
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  let rest = hash >>> 0;
  let name = '';
  for (let digit = 0; digit < 7; digit += 1) {
    name += ALPHABET[rest % ALPHABET.length];
    rest = Math.floor(rest / ALPHABET.length);
  }
  return name;
}

export class Revisions {
  /** By UID of the StatefulSet, oldest first. */
  readonly #known = new Map<string, Revision[]>();

  /** The current revision by the status, and the revision of the present template. */
  of(set: KubeObject): { readonly current: Revision; readonly update: Revision } {
    const { uid = '', name } = set.metadata;
    const { template } = specOf(set);
    const known = this.#known.get(uid) ?? [];
    const equal = known.find((revision) => isSame(revision.template, template));
    const update = equal ?? { name: `${name}-${hashOf(template)}`, template };
    const currentName = fieldsAt(set.status).currentRevision;
    const current = known.find((revision) => revision.name === currentName) ?? update;
    const others = known.filter((revision) => revision !== update);
    this.#known.set(uid, [...others.slice(-HISTORY_MAX), update]);
    return { current, update };
  }

  forget({ metadata }: KubeObject): void {
    this.#known.delete(metadata.uid ?? '');
  }
}
