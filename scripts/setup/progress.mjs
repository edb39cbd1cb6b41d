// @ts-check
/**
 * What setup says of work under way: counts of what has happened, and no guess of what is to come. How long a build
 * takes depends on what else the machine does. Pure.
 */

const MEGABYTE = 1e6;

/** How Go tells of a module that it begins to download. */
const MODULE = /^go: downloading /;
/** A line that is nothing but a Go package: what `go list` and `go build -v` print of each. */
export const PACKAGE = /^[^\s:]+$/;

/** @param {string} output of `go list` or `go build` */
const linesOf = (output) => output.split('\n').filter((line) => line !== '');

/** The packages in the answer of `go list`. @param {string} output */
export const packagesIn = (output) => new Set(linesOf(output).filter((line) => PACKAGE.test(line)));

/** What `go list` does, by what it has printed so far. @param {string} output */
export function reading(output) {
  const modules = linesOf(output).filter((line) => MODULE.test(line)).length;
  return modules === 0 ? 'reading the sources' : `downloading Go modules, ${modules} begun`;
}

/**
 * How far `go build -v` is: it prints the name of each package as it begins to compile it.
 * @param {string} output
 * @param {ReadonlySet<string>} toCompile
 */
export function compiling(output, toCompile) {
  const begun = linesOf(output).filter((line) => toCompile.has(line)).length;
  return begun < toCompile.size ? `package ${begun} of ${toCompile.size}` : 'all packages begun, linking';
}

/**
 * How far a file is.
 * @param {number} received bytes
 * @param {number | undefined} total bytes, where the server said how many there are
 */
export function downloaded(received, total) {
  const megabytes = (/** @type {number} */ bytes) => (bytes / MEGABYTE).toFixed(1);
  return total === undefined
    ? `${megabytes(received)} MB`
    : `${megabytes(received)} of ${megabytes(total)} MB`;
}
