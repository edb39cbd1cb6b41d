/**
 * One machine of the cluster: its own namespaces for network, mounts and host name, with containerd, kubelet and kube-proxy
 * in them. Its storage is in memory, and ends with its namespaces.
 */
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary, flags } from '../cluster/control-plane.ts';
import { type Child, type Keeper, logTail } from '../cluster/keeper.ts';
import { until } from '../cluster/until.ts';
import { ENV, each, sh } from './commands.ts';
import type { Archive } from './images.ts';
import { containerdToml, kubeletJson, MASTER, networkJson, proxyJson, SOCKET } from './machine-files.ts';

interface Place {
  readonly keeper: Keeper;
  /** The folder of the whole cluster. */
  readonly dir: string;
  /** For kubelets by name, and for kube-proxy. */
  readonly kubeconfigOf: (name: string) => string;
}

type Program = 'containerd' | 'kubelet' | 'kube-proxy';

export class Machine {
  readonly number: number;
  readonly name: string;
  readonly address: string;
  readonly #place: Place;
  readonly #folder: string;
  readonly #programs = new Map<Program, Child>();
  #holder: Child | undefined;

  constructor(number: number, place: Place) {
    this.number = number;
    this.name = `node-${number}`;
    this.address = `10.99.0.${10 + number}`;
    this.#place = place;
    this.#folder = join(place.dir, this.name);
  }

  /** Makes the namespaces, plugs the machine into the bridge, and starts containerd with these images. */
  async prepare(images: readonly Archive[]): Promise<void> {
    mkdirSync(join(this.#folder, 'cni'), { recursive: true });
    await this.#hold();
    await this.#plugIn();
    await this.#inside(
      'mount -t tmpfs tmpfs /run',
      'mount -t tmpfs tmpfs /var/lib',
      'mount -t tmpfs tmpfs /var/log',
      'mount --make-rshared /',
      `hostname ${this.name}`,
    );
    await this.#writeFiles();
    await this.startContainerd();
    for (const image of images) await this.#import(image);
  }

  /** Starts what makes a node of the machine. */
  join(): void {
    this.startKubelet();
    const config = join(this.#folder, 'kube-proxy.json');
    this.#start('kube-proxy', binary('kube-proxy'), flags({ config }));
  }

  startKubelet(): void {
    const options = {
      config: join(this.#folder, 'kubelet.json'),
      kubeconfig: this.#place.kubeconfigOf(this.name),
      'hostname-override': this.name,
      'node-ip': this.address,
      'node-labels': `topology.kubernetes.io/zone=zone-${this.number}`,
      'root-dir': '/var/lib/kubelet',
    };
    this.#start('kubelet', binary('kubelet'), flags(options));
  }

  async startContainerd(): Promise<void> {
    const config = join(this.#folder, 'containerd.toml');
    const child = this.#start('containerd', binary('containerd'), ['--config', config]);
    await until(
      `containerd of ${this.name} answers`,
      () => {
        if (child.exit()) throw new Error(`containerd of ${this.name} ended:\n${logTail(child)}`);
        return this.ctr('version').then(() => true);
      },
      { everyMs: 200 },
    );
  }

  /** Runs `ctr` on the images and containers of Kubernetes. */
  ctr(...args: string[]): Promise<string> {
    const [command = '', ...rest] = this.ctrWords(...args);
    return sh(command, ...rest);
  }

  /** The command line of `ctr`. */
  ctrWords(...args: string[]): string[] {
    return ['nsenter', ...this.#namespaces(), binary('ctr'), '-a', SOCKET, '-n', 'k8s.io', ...args];
  }

  /** The path by which we reach a file of the machine. */
  path(path: string): string {
    return join(`/proc/${this.#holder?.pid}/root`, path);
  }

  /** Runs a command on the machine. */
  enter(...words: string[]): Promise<string> {
    return sh('nsenter', ...this.#namespaces(), ...words);
  }

  /** Kills a program of the machine and resolves when it is gone; containers go on. */
  async kill(program: Program): Promise<void> {
    const child = this.#programs.get(program);
    child?.kill('SIGKILL');
    await child?.exited;
  }

  /** Kills all processes of the machine: programs, shims and containers. Stored files stay. */
  async killAll(): Promise<void> {
    for (const program of this.#programs.keys()) await this.kill(program);
    await this.#killContainers();
  }

  async #killContainers(): Promise<void> {
    const own = readlinkSync(`/proc/${this.#holder?.pid}/ns/mnt`);
    // Shims are in the mount namespace of the machine. Containers are not, so kill them by their process IDs.
    const files = '/run/containerd/io.containerd.runtime.v2.task/k8s.io/*/init.pid';
    const script = `for file in ${files}; do cat "$file" && echo; done || true`;
    const tasks = (await this.enter('sh', '-c', script)).split('\n').filter(Boolean);
    const pids = (await sh('sh', '-c', 'ls /proc | grep -E "^[0-9]+$"')).split('\n').filter(Boolean);
    for (const pid of [...tasks, ...pids]) {
      try {
        const isShim = readlinkSync(`/proc/${pid}/ns/mnt`) === own && Number(pid) !== this.#holder?.pid;
        if (isShim || tasks.includes(pid)) process.kill(Number(pid), 'SIGKILL');
      } catch {}
    }
  }

  #namespaces(): string[] {
    return ['--target', String(this.#holder?.pid), '--net', '--mount', '--uts', '--'];
  }

  #start(program: Program, path: string, args: readonly string[]): Child {
    const words = [...this.#namespaces(), path, ...args];
    const child = this.#place.keeper.start(`${this.name}-${program}`, 'nsenter', words, { env: ENV });
    this.#programs.set(program, child);
    return child;
  }

  /** Starts a process that only keeps the namespaces. */
  async #hold(): Promise<void> {
    const args = ['--net', '--mount', '--uts', 'sleep', 'infinity'];
    const holder = this.#place.keeper.start(`${this.name}-holder`, 'unshare', args);
    this.#holder = holder;
    const isApart = (kind: string) =>
      readlinkSync(`/proc/${holder.pid}/ns/${kind}`) !== readlinkSync(`/proc/self/ns/${kind}`);
    await until(`${this.name} has namespaces`, () => ['net', 'mnt', 'uts'].every(isApart));
  }

  async #plugIn(): Promise<void> {
    const { number, address } = this;
    const pid = String(this.#holder?.pid);
    await each(
      `ip link add veth${number} type veth peer name eth0 netns ${pid}`,
      `ip link set veth${number} master machines up`,
      `ip route add 10.244.${number}.0/24 via ${address}`,
    );
    await this.#inside(
      'ip link set lo up',
      `ip addr add ${address}/24 dev eth0`,
      'ip link set eth0 up',
      `ip route add default via ${MASTER}`,
      'sysctl -qw net.ipv4.ip_forward=1',
      'sysctl -qw net.bridge.bridge-nf-call-iptables=1',
    );
  }

  async #inside(...lines: string[]): Promise<void> {
    for (const line of lines) await this.enter(...line.split(' '));
  }

  async #writeFiles(): Promise<void> {
    const runc = (await sh('sh', '-c', 'command -v runc')).trim();
    const files = {
      'containerd.toml': containerdToml(this.#folder, runc),
      'cni/pods.conflist': networkJson(this.number),
      'kubelet.json': kubeletJson(this.#folder),
      'kube-proxy.json': proxyJson(this.#place.kubeconfigOf('kube-proxy'), this.name),
      'resolv.conf': `nameserver ${MASTER}\n`,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.#folder, name), text);
  }

  async #import({ path, names: [first = '', ...others] }: Archive): Promise<void> {
    await this.ctr('images', 'import', path);
    for (const name of others) await this.ctr('images', 'tag', first, name);
  }
}
