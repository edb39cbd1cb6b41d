/**
 * The managed source passes the suite of every source, over an API server in memory.
 */

import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { certSourceConformance } from './conformance.ts';
import { managedWorld } from './managed-world.ts';

certSourceConformance('managed', () => Promise.resolve(managedWorld(new MemoryKube(), 'stellar-peers')));
