/**
 * Tests of replicas that are away, late or slow, and of validators that learn peers without a restart, on one control plane.
 * Each of these files also runs alone.
 */
import '../clock.test.ts';
import '../mute-replica.test.ts';
import '../outage.test.ts';
import '../signals.test.ts';
