// @ts-check
/**
 * The texts about work under way. They count what has happened, and do not guess how long the rest takes, because that
 * depends on the load of the machine. Pure.
 */

const MEGABYTE = 1e6;

/** The line that Go prints when it begins to download a module. */
const MODULE = /^go: downloading /;
/** A line that is only the name of a Go package, as `go list` and `go build -v` print it. */
export const PACKAGE = /^[^\s:]+$/;

/** @param {string} output of `go list` or `go build` */
const linesOf = (output) => output.split('\n').filter((line) => line !== '');

/** The packages in the answer of `go list`. @param {string} output */
export const packagesIn = (output) => new Set(linesOf(output).filter((line) => PACKAGE.test(line)));

/** What `go list` is doing, by its output so far. @param {string} output */
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
