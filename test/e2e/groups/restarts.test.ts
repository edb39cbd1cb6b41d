/** How restarts go, and end, on one control plane: each of these files runs alone too. */
import '../events.test.ts';
import '../links.test.ts';
import '../refusals.test.ts';
import '../rollout.test.ts';
import '../unfinished.test.ts';
