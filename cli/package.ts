import { command, onFunctionsNode } from './command-line.ts';

/** `servicenow-functions package` */
export const packageCommand = command('package', 'makes the zips and the template', [''])
  .addHelpText(
    'after',
    '\nMakes one zip for each function and the CloudFormation template, in .serverless/.\n',
  )
  .action(
    onFunctionsNode(async () => {
      const { packageFunctions } = await import('../deploy/package.ts');
      const startedMs = Date.now();
      const { folder, bundles } = await packageFunctions();
      process.stdout.write(`${bundles.size} functions packaged in ${Date.now() - startedMs} ms: ${folder}\n`);
    }),
  );
