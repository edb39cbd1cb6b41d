/** Restarts that must not happen, or not yet, on one control plane: each of these files runs alone too. */
import '../restarts-harmful.test.ts';
import '../restarts-refused.test.ts';
import '../restarts-taken-back.test.ts';
