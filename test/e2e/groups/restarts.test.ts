/** Tests of restarts and their ends, on one control plane. Each of these files also runs alone. */
import '../events.test.ts';
import '../links.test.ts';
import '../refusals.test.ts';
import '../rollout.test.ts';
import '../unfinished.test.ts';
