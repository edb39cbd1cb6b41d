/** Who is published for whom, on one control plane: each of these files runs alone too. */
import '../addresses.test.ts';
import '../discovery.test.ts';
import '../publishing.test.ts';
