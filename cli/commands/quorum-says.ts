/**
 * What the quorum sets say of the restarts that a command is about. Pure.
 */

import { rolloutSettings } from '../../app/settings.ts';
import type { Key } from '../../peers/world.ts';
import { fragileVerdict } from '../../reconciler/plan/quorum/core-says.ts';
import { QuorumMargins } from '../../reconciler/plan/quorum/quorum-margin.ts';
import { quorumVerdict, quorumWords } from '../../reconciler/plan/quorum/quorum-verdict.ts';
import type { ClusterSnapshot } from '../snapshot.ts';

/** In words, what the quorum sets say of a restart of each of these validators now. */
export function quorumTexts(keys: readonly Key[], snapshot: ClusterSnapshot): Map<Key, string> {
  const { world, settings } = snapshot;
  const networks = new Map<string, QuorumMargins>();
  const texts = new Map<Key, string>();
  for (const key of keys) {
    const reading = world.nodes.get(key);
    if (reading?.kind !== 'validator') continue;
    const { validator } = reading;
    const { id } = validator.network;
    const margins = networks.get(id) ?? new QuorumMargins(id, snapshot);
    networks.set(id, margins);
    const margin = margins.of(validator);
    const own = rolloutSettings(settings);
    const verdict = quorumVerdict(validator, margin, world, own);
    const fragile = verdict.hold ? {} : fragileVerdict(validator, { ...snapshot, settings: own });
    texts.set(key, quorumWords({ ...verdict, ...fragile }, margin));
  }
  return texts;
}

/** The same as lines for people. */
export const quorumLines = (texts: ReadonlyMap<Key, string>): string[] =>
  [...texts].map(([key, words]) => `  quorum of ${key}: ${words}`);
