/**
 * The mounted source passes the suite of every source, over real files.
 */
import { certSourceConformance } from './conformance.ts';
import { mountedWorld } from './mounted-world.ts';

certSourceConformance('mounted', mountedWorld);
