/** The state of a container in the kernel: users and rights of its processes, and its memory. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { containersOf } from './validators.ts';

const CGROUPS = '/sys/fs/cgroup';
/** The cgroup of the containers of pods, if the kubelet names no other. */
const PODS = 'k8s.io';

/** The cgroup of a container, in the only hierarchy or in that of the controller. */
function folderOf(id: string, controller: string): string {
  const places = [join(CGROUPS, controller), CGROUPS].map((root) => join(root, PODS, id));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`container ${id} has no cgroup at ${places.join(' or ')}`);
  return found;
}

export interface Running {
  /** `pod/container` */
  readonly name: string;
  readonly id: string;
}

/** The containers of these pods that run now. */
export const runningIn = (pods: readonly KubeObject[]): Running[] =>
  pods.flatMap((pod) =>
    containersOf(pod)
      .filter(({ state }) => state?.running !== undefined)
      .map(({ name, containerID = '' }) => ({
        name: `${pod.metadata.name}/${name}`,
        id: containerID.replace('containerd://', ''),
      })),
  );

export interface Confinement {
  readonly user: number;
  /** The capabilities that the process has or could get, in hexadecimal. */
  readonly capabilities: string;
  readonly mayGain: boolean;
  readonly seccomp: boolean;
  readonly rootIsReadOnly: boolean;
}

const processesOf = ({ id }: Running): string[] =>
  readFileSync(join(folderOf(id, 'memory'), 'cgroup.procs'), 'utf8')
    .split('\n')
    .filter(Boolean);

/** The path at which we reach the root of a container's file system. */
export function rootOf(container: Running): string {
  const [first] = processesOf(container);
  if (first === undefined) throw new Error(`${container.name} has no process`);
  return `/proc/${first}/root`;
}

/** The confinement of each process of a container. */
export function confinementsOf(container: Running): Confinement[] {
  return processesOf(container).map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
    const root = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
      .split('\n')
      .find((line) => line.split(' ')[4] === '/');
    return {
      user: Number(field('Uid')),
      capabilities: field('CapBnd'),
      mayGain: field('NoNewPrivs') !== '1',
      seccomp: field('Seccomp') === '2',
      rootIsReadOnly: root?.split(' ')[5]?.split(',').includes('ro') ?? false,
    };
  });
}

export interface Memory {
  /** The anonymous memory of its processes now: all but pages of files. */
  readonly anonymousKib: number;
  readonly peakMib: number;
  readonly limitMib: number;
  /** How often the memory limit was reached. */
  readonly reached: number;
}

const mib = (bytes: string): number => Math.round(Number(bytes) / 2 ** 20);

/** The memory of a container, by version 1 or 2 of cgroups. */
export function memoryOf({ id }: Running): Memory {
  const folder = folderOf(id, 'memory');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
  const anonymousKib = Number(/^(?:rss|anon) (\d+)$/m.exec(read('memory.stat'))?.[1]) / 1024;
  if (!existsSync(join(folder, 'memory.failcnt'))) {
    const reached = Number(/^max (\d+)$/m.exec(read('memory.events'))?.[1]);
    return { anonymousKib, peakMib: mib(read('memory.peak')), limitMib: mib(read('memory.max')), reached };
  }
  return {
    anonymousKib,
    peakMib: mib(read('memory.max_usage_in_bytes')),
    limitMib: mib(read('memory.limit_in_bytes')),
    reached: Number(read('memory.failcnt')),
  };
}
