/** Tests of published lists, on one control plane. Each of these files also runs alone. */
import '../addresses.test.ts';
import '../discovery.test.ts';
import '../publishing.test.ts';
