/** What holds restarts, on one control plane: each of these files runs alone too. */
import '../disruption-budgets.test.ts';
import '../rate-limit.test.ts';
import '../quorum.test.ts';
import '../quorum-domains.test.ts';
import '../stateful-sets.test.ts';
