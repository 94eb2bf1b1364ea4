import { parseArgs } from 'node:util';
import { packageFunctions } from '../deploy/package.ts';
import { runCommand } from './command-line.ts';

const usage = `npm run package

Makes one zip for each function and the CloudFormation template, in .serverless/.
`;

await runCommand(usage, async () => {
  parseArgs({ options: {} });
  const startedMs = Date.now();
  const { folder, bundles } = await packageFunctions();
  process.stdout.write(`${bundles.size} functions packaged in ${Date.now() - startedMs} ms: ${folder}\n`);
});
