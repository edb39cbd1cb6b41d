/** Tests of restarts that must not happen, on one control plane. Each of these files also runs alone. */
import '../restarts-harmful.test.ts';
import '../restarts-refused.test.ts';
import '../restarts-taken-back.test.ts';
