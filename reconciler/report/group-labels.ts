/** Series by group, with a limit: a tenant can make a group of each passphrase, and all series are kept. Pure. */
import type { Group } from '../../peers/discovery/discover.ts';
import { leastOf } from '../../peers/lists.ts';
import { byText } from '../../peers/world.ts';

const OWN_LABEL_MAX = 100;
/** The common label of all other groups; no group has this key. */
const OTHER = 'other';

/** The label of each group. Beyond 100 groups, the younger ones share one. */
export function labelsOf(groups: Iterable<Group>): Map<string, string> {
  const sorted = [...groups].sort(bySeniority);
  return new Map(sorted.map(({ key }, index) => [key, index < OWN_LABEL_MAX ? key : OTHER]));
}

/** Numbers of validators by group and state. */
export function validatorSeries(groups: ReadonlyMap<string, Group>, labels: ReadonlyMap<string, string>) {
  const counts = new Map<string, { active: number; suspended: number }>();
  for (const [key, label] of labels) {
    const count = counts.get(label) ?? { active: 0, suspended: 0 };
    counts.set(label, count);
    for (const { suspended } of groups.get(key)?.validators ?? [])
      count[suspended ? 'suspended' : 'active'] += 1;
  }
  return [...counts].flatMap(([group, { active, suspended }]) => [
    { labels: { group, state: 'active' }, value: active },
    { labels: { group, state: 'suspended' }, value: suspended },
  ]);
}

/** The title of each label's network. A private one is called by its namespaces: its passphrase is not public. */
export function titleSeries(groups: ReadonlyMap<string, Group>, labels: ReadonlyMap<string, string>) {
  const titles = new Map([['', 'in no network']]);
  for (const [key, label] of labels) {
    const group = groups.get(key);
    titles.set(label, label === OTHER || !group ? 'other networks' : titleOf(group));
  }
  return [...titles].map(([group, title]) => ({ labels: { group, title }, value: 1 }));
}

const NAMESPACES_SHOWN_MAX = 3;

function titleOf({ key, network, validators }: Group): string {
  if (network.isPublic) return key.replace(network.id, () => network.title);
  const all = [...new Set(validators.map(({ namespace }) => namespace))].sort(byText);
  const more = all.length > NAMESPACES_SHOWN_MAX ? ' and others' : '';
  return `${all.slice(0, NAMESPACES_SHOWN_MAX).join(', ')}${more} (${key})`;
}

/** Public networks first, then the oldest groups, so that a new group takes no label from others. */
const bySeniority = (a: Group, b: Group): number =>
  Number(b.network.isPublic) - Number(a.network.isPublic) || sinceMs(a) - sinceMs(b) || byText(a.key, b.key);

const sinceMs = ({ validators }: Group): number =>
  leastOf(validators.map((validator) => validator.createdAtMs));
