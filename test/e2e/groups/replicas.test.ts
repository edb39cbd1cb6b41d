/**
 * Replicas that are away, late or slow, and validators that are told without a restart, on one control plane: each of
 * these files runs alone too.
 */
import '../clock.test.ts';
import '../mute-replica.test.ts';
import '../outage.test.ts';
import '../signals.test.ts';
