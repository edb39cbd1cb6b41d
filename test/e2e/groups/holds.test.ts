/** Tests of holds of restarts, on one control plane. Each of these files also runs alone. */
import '../disruption-budgets.test.ts';
import '../rate-limit.test.ts';
import '../quorum.test.ts';
import '../quorum-domains.test.ts';
import '../stateful-sets.test.ts';
