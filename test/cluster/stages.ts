/**
 * The stages by which kwok simulates a kubelet: pods start at once with their own IP, become Ready after a delay or never,
 * and may lose readiness. An annotation on the pod chooses the behaviour.
 */

/**
 * Annotation on a pod: `5s` becomes Ready after that time, `never` does not, `lost` (at run time) loses
 * readiness until the annotation is changed or removed. The stand-in operator copies it from the StellarNode.
 */
export const READY_HINT = 'test.stellar-peers/ready';

const STAGE = 'kwok.x-k8s.io/v1alpha1';
/** One heartbeat in ten minutes is enough, because the controller-manager waits an hour for a node. */
const HEARTBEAT_MS = 600_000;
/**
 * How long a pod takes to end: much shorter than any deadline, but at least as long as with a kubelet. If a pod ended before
 * the StatefulSet controller has seen its own last write, the controller would first create a pod of the former revision.
 */
const TERMINATION_MS = 400;

interface Match {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

const READY = '.status.conditions.[] | select(.type == "Ready") | .status';
const HINT = `.metadata.annotations["${READY_HINT}"]`;
const ALIVE: Match = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };
const STARTED: Match = { key: '.status.startTime', operator: 'Exists' };
const WITHHELD = ['never', 'lost'];

function stage(kind: 'Node' | 'Pod', name: string, matches: readonly Match[], rest: object): object {
  return {
    apiVersion: STAGE,
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions: matches.map((jq) => ({ jq })) },
      ...rest,
    },
  };
}

const statusPatch = (template: string) => ({
  steps: [{ patch: { subresource: 'status', root: 'status', type: 'strategic', template } }],
});

const NODE_STATUS = `
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- { type: {{ .type | Quote }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }}, message: {{ .message | Quote }}, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }} }
{{ end }}
addresses:
- { type: InternalIP, address: "127.0.0.1" }
- { type: Hostname, address: {{ .metadata.name | Quote }} }
allocatable: { cpu: "64", memory: 256Gi, pods: "200" }
capacity: { cpu: "64", memory: 256Gi, pods: "200" }
phase: Running
`;

/**
 * An address from the pod's UID, so that a new pod never has the address of an old one. It is a loopback address, so that a
 * stand-in for stellar-core can listen on it, and no call leaves the machine.
 */
const POD_IP = `
{{ $hash := sha256sum .metadata.uid }}
{{ $a := mod (int64 (printf "0x%s" (substr 0 4 $hash))) 254 }}
{{ $b := mod (int64 (printf "0x%s" (substr 4 8 $hash))) 254 }}
{{ $c := mod (int64 (printf "0x%s" (substr 8 12 $hash))) 254 }}
{{ $ip := printf "127.%d.%d.%d" (add1 $a) (add1 $b) (add1 $c) }}
`;

const POD_STARTED = `
{{ $now := Now }}
${POD_IP}
phase: Running
startTime: {{ $now | Quote }}
hostIP: 127.0.0.1
hostIPs: [{ ip: 127.0.0.1 }]
podIP: {{ $ip | Quote }}
podIPs: [{ ip: {{ $ip | Quote }} }]
conditions:
- { type: PodReadyToStartContainers, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- { name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, started: true, restartCount: 0, state: { running: { startedAt: {{ $now | Quote }} } } }
{{ end }}
{{ with .spec.initContainers }}
initContainerStatuses:
{{ range . }}
{{ if .restartPolicy }}
- { name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: true, started: true, restartCount: 0, state: { running: { startedAt: {{ $now | Quote }} } } }
{{ else }}
- { name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: true, restartCount: 0, state: { terminated: { exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }} } } }
{{ end }}
{{ end }}
{{ end }}
`;

/** Sets the readiness of the pod and its containers, and keeps the rest of their status. */
function readiness(ready: boolean): string {
  const condition = ready ? 'status: "True", reason: null' : 'status: "False", reason: ContainersNotReady';
  return `
{{ $now := Now }}
conditions:
- { type: ContainersReady, ${condition}, lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, ${condition}, lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .status.containerStatuses }}
- { name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: ${ready}, started: true, restartCount: 0, state: { running: { startedAt: {{ .state.running.startedAt | Quote }} } } }
{{ end }}
`;
}

/** The stages, for kwok's `--config`; pods without a hint become Ready `readyDelayMs` after they started. */
export function kwokStages(readyDelayMs: number): object[] {
  const nodeReady: Match = { key: READY, operator: 'In', values: ['True'] };
  return [
    stage('Node', 'node-initialize', [{ ...nodeReady, operator: 'NotIn' }], statusPatch(NODE_STATUS)),
    stage('Node', 'node-heartbeat', [nodeReady], {
      delay: { durationMilliseconds: HEARTBEAT_MS },
      ...statusPatch(NODE_STATUS),
    }),
    stage('Pod', 'pod-start', [ALIVE, { ...STARTED, operator: 'DoesNotExist' }], statusPatch(POD_STARTED)),
    stage(
      'Pod',
      'pod-ready',
      [
        ALIVE,
        STARTED,
        { key: READY, operator: 'NotIn', values: ['True'] },
        { key: HINT, operator: 'NotIn', values: WITHHELD },
      ],
      {
        delay: { durationMilliseconds: readyDelayMs, durationFrom: { jq: { expression: HINT } } },
        ...statusPatch(readiness(true)),
      },
    ),
    stage(
      'Pod',
      'pod-unready',
      [
        ALIVE,
        STARTED,
        { key: READY, operator: 'In', values: ['True'] },
        { key: HINT, operator: 'In', values: WITHHELD },
      ],
      statusPatch(readiness(false)),
    ),
    stage('Pod', 'pod-delete', [{ ...ALIVE, operator: 'Exists' }], {
      delay: { durationMilliseconds: TERMINATION_MS },
      steps: [{ delete: true }],
    }),
  ];
}
