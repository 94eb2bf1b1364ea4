#!/usr/bin/env node
/** What `npx servicenow-instance` runs, next to what is built. See instance.js. */
const oldestMajor = 24;

if (Number(process.versions.node.split('.')[0]) < oldestMajor) {
  process.stderr.write(`Node ${oldestMajor} is needed, this is ${process.version}.\n`);
  process.exitCode = 1;
} else {
  const { runInstance } = await import('./main.js');
  await runInstance(process.argv.slice(2), 'servicenow-instance');
}
