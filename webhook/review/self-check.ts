/**
 * The proof at start-up that what we answer is right: our patch on the built-in pod, applied by a library
 * that validates, gives the pod that is written out here.
 */
import { isDeepStrictEqual } from 'node:util';
import { preflightPod } from '../../peers/injection/preflight-review.ts';
import { PREFLIGHT_NODE } from '../../peers/names.ts';
import { applied } from '../patch/applied.ts';
import { EMPTY_STAMP } from '../patch/patch.ts';
import { admit } from './admit.ts';

/** The built-in pod as it must come out: literal, so that no constant of ours vouches for itself. */
function expectedPod() {
  const pod = preflightPod('');
  const [sidecar, main] = pod.spec.containers;
  const mount = { name: 'stellar-peers', mountPath: '/etc/stellar/peers', readOnly: true };
  const items = [
    { key: 'stellar-peers-probe.peers.txt', path: 'peers.txt' },
    { key: 'stellar-peers-probe.peers.toml', path: 'peers.toml' },
  ];
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: { 'stellar.org/peer-hash': 'e3b0c44298fc1c14', 'stellar.org/peers': 'v1:' },
    },
    spec: {
      containers: [
        sidecar,
        {
          ...main,
          volumeMounts: [...(main?.volumeMounts ?? []), mount],
          env: [...(main?.env ?? []), { name: 'KNOWN_PEERS_FILE', value: '/etc/stellar/peers/peers.txt' }],
        },
      ],
      volumes: [
        ...pod.spec.volumes,
        { name: 'stellar-peers', configMap: { name: 'stellar-peers', optional: true, items } },
      ],
    },
  };
}

/** Throws where admission would answer wrongly: the process must not serve then. */
export function selfCheck(): void {
  const pod = preflightPod('');
  const { operations, result } = admit(pod, { node: PREFLIGHT_NODE, optedOut: false, stamp: EMPTY_STAMP });
  const patched = applied(pod, operations);
  if (isDeepStrictEqual(patched, expectedPod())) return;
  throw new Error(
    `The self-check of admission failed: the patch of the built-in pod (${result}) makes ${JSON.stringify(patched)}. ` +
      'This build must not be run.',
  );
}
