#!/usr/bin/env node
/**
 * What `npm run instance` runs. It is no TypeScript, since whatever is loaded before the compile cache is on has its
 * types stripped at every start, and loading what strips them alone takes 50 ms.
 */
import module from 'node:module';

const oldestMajor = 24;

if (Number(process.versions.node.split('.')[0]) < oldestMajor) {
  process.stderr.write(
    `Node ${oldestMajor} is needed, this is ${process.version}: run npm ci and then npm run instance.\n`,
  );
  process.exitCode = 1;
} else {
  module.enableCompileCache();
  const { runInstance } = await import('./main.ts');
  await runInstance(process.argv.slice(2));
}
