/** Tests of admission, on one control plane. Each of these files also runs alone. */
import '../examples.test.ts';
import '../admission.test.ts';
import '../admission-fuzz.test.ts';
import '../merged.test.ts';
import '../pages.test.ts';
import '../policies.test.ts';
import '../read-replicas.test.ts';
