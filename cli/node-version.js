/**
 * Which Node the project runs on. `npm ci` installs one; npm 11 puts it on the PATH of its scripts, older versions do not, and not
 * on every platform. Plain JavaScript that old versions of Node can read.
 */
import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';

/** TypeScript is run as it is, and the code uses `using`. */
const oldestMajor = 24;

/** @returns {boolean} */
export function isNodeSupported() {
  return Number(process.versions.node.split('.')[0]) >= oldestMajor;
}

/**
 * Runs `node` with these arguments on the Node that `npm ci` installed, and ends as it ends; without one, it says in one line what is needed.
 * @param {readonly string[]} args
 */
export function runOnBundledNode(args) {
  const node = bundledNode();
  if (node === undefined) {
    process.stderr.write(
      `Node ${oldestMajor} is required, this is ${process.version}: run npm ci, which installs one (Linux, macOS, Windows), or install it yourself.\n`,
    );
    process.exitCode = 1;
    return;
  }
  process.env['PATH'] = `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}`;
  const child = spawn(node, args, { stdio: 'inherit' });
  // A terminal sends Ctrl-C, and that it closes, to both.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  watchNpm(() => child.kill('SIGTERM'));
  child.on('error', (error) => {
    process.stderr.write(`${node} cannot be run: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? { SIGINT: 130, SIGHUP: 129 }[signal] ?? 143;
  });
}

/** The Node that `npm ci` installed for this machine, if there is one. */
function bundledNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const require = createRequire(import.meta.url);
  for (const prefix of ['node', 'node-bin']) {
    try {
      const manifest = require.resolve(`${prefix}-${platform}-${process.arch}/package.json`);
      return join(dirname(manifest), require(manifest).bin.node);
    } catch {
      // Not for this machine, or left out by `npm ci --omit=optional`.
    }
  }
  return undefined;
}

/**
 * Runs a file of the project. Where its packages are not installed, it says so in one line.
 * @param {string} url
 */
export async function importFile(url) {
  try {
    await import(url);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !isOfPackages(error.message)) throw error;
    process.stderr.write('Packages that the project needs are not installed: run npm ci in its folder.\n');
    process.exitCode = 1;
  }
}

function isOfPackages(message) {
  return message.includes('Cannot find package') || /[\\/]node_modules[\\/]/.test(message);
}

/**
 * Calls back once npm is gone, for example after SIGKILL, if npm runs this process. npm forwards no signal past its shell, and the shell
 * outlives npm; some shells (bash) become their last command, so that npm itself is the parent.
 * @param {() => void} onGone
 */
export function watchNpm(onGone) {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const npm = isNode(parent) ? undefined : parentOf(parent);
  const watch = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || parentOf(parent) === npm)) return;
    clearInterval(watch);
    onGone();
  }, 500);
  watch.unref();
}

/** Whether another process is npm, or what npm runs, and no shell; false where that cannot be read. */
function isNode(pid) {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('node');
  } catch {
    return false;
  }
}

/** The parent of another process; undefined where that cannot be read (only Linux has /proc). */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
  } catch {
    return undefined;
  }
}
