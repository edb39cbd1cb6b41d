/** Finds out whether kubelets and containers can run on this machine, by trying each ability that they need. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';

const NAMESPACES = ['--net', '--mount', '--pid', '--mount-proc', '--fork'];
/** Where programs of administrators are, which PATH may leave out. */
const PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`;

/** An ability of the machine, and the command that tries it. */
interface Need {
  readonly what: string;
  readonly command: readonly string[];
}

/** With version 2 of cgroups, a lower cgroup has a controller only if the root cgroup enables it. */
const CGROUP = `
cd /sys/fs/cgroup && if [ -e cgroup.controllers ]; then
  grep -qw memory cgroup.subtree_control || echo +memory >cgroup.subtree_control
else cd memory; fi && mkdir stellar-peers-probe-$$ && rmdir stellar-peers-probe-$$`;

const OVERLAY = `
mount -t tmpfs tmpfs /tmp && mkdir /tmp/lower /tmp/upper /tmp/work /tmp/merged &&
mount -t overlay overlay -o lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work /tmp/merged`;

/** Where "ip" is missing, setup installs it. */
const LINKS = `
command -v ip >/dev/null || exit 0
ip link add probe type bridge && ip link add probe0 type veth peer name probe1`;

const inside = (script: string): string[] => ['unshare', ...NAMESPACES, 'sh', '-c', script];

const NEEDS: readonly Need[] = [
  { what: 'namespaces for network, mounts and processes', command: inside('true') },
  { what: 'cgroups that limit memory', command: ['sh', '-c', CGROUP] },
  { what: 'overlay mounts', command: inside(OVERLAY) },
  { what: 'a network bridge and veth pairs', command: inside(LINKS) },
];

/** Runs a command. The result is its standard error if it failed, else undefined. */
type Ask = (command: readonly string[]) => string | undefined;

interface Machine {
  readonly platform: string;
  /** The user of this process; undefined if the platform has none. */
  readonly uid: number | undefined;
  readonly ask: Ask;
}

const here: Machine = {
  platform: process.platform,
  uid: process.getuid?.(),
  ask: ([command = '', ...args]) => {
    const { status, stderr, error } = spawnSync(command, args, {
      encoding: 'utf8',
      env: { ...process.env, PATH },
    });
    return status === 0 ? undefined : (error?.message ?? stderr ?? '');
  },
};

/** Why kubelets and containers cannot run on the machine, in a few words; undefined if they can. */
export function whyNoRealNode({ platform, uid, ask }: Machine = here): string | undefined {
  if (platform !== 'linux') return 'only on Linux';
  if (uid !== 0) return 'needs root, for namespaces and mounts';
  for (const { what, command } of NEEDS) {
    const said = ask(command);
    if (said !== undefined) return `needs ${what}: ${said.trim().split('\n').at(-1)}`;
  }
  return undefined;
}
