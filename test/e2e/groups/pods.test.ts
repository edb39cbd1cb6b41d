/** What admission makes of pods, on one control plane: each of these files runs alone too. */
import '../examples.test.ts';
import '../admission.test.ts';
import '../admission-fuzz.test.ts';
import '../merged.test.ts';
import '../pages.test.ts';
import '../policies.test.ts';
import '../read-replicas.test.ts';
