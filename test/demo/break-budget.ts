/**
 * Breaks the product on purpose, to see that the demo notices: two validators of a network may be down at a time, whatever
 * their quorum sets say. Loaded with --import before main.ts; the product itself has no such switch.
 */
import { registerHooks } from 'node:module';

/** By file: the text to remove, and its replacement. */
const BREAKS: ReadonlyArray<readonly [string, string, string]> = [
  ['/plan/restarts/rollout.ts', 'const stop = under ?? restOf(', 'const stop = restOf('],
  [
    '/plan/restarts/max-unavailable.ts',
    'if (others + 1 <= allowed) return undefined;',
    'if (others <= allowed) return undefined;',
  ],
  [
    '/plan/quorum/quorum-verdict.ts',
    'if (left === undefined || left >= 1) return undefined;',
    'return undefined;',
  ],
  [
    '/apply/journal-store.ts',
    "if (!entries || entries.some((each) => each.outcome === undefined)) return 'behind';",
    "if (!entries) return 'behind';",
  ],
];

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const breaks = BREAKS.filter(([file]) => url.endsWith(file));
    if (breaks.length === 0) return loaded;
    let source = String(loaded.source);
    for (const [file, good, bad] of breaks) {
      if (!source.includes(good)) throw new Error(`${file} does not hold the text to break: ${good}`);
      source = source.replace(good, bad);
    }
    return { ...loaded, source };
  },
});
