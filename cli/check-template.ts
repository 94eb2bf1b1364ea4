import { command, onFunctionsNode } from './command-line.ts';

/** `servicenow-functions check-template` */
export const checkTemplateCommand = command('check-template', 'checks the template as AWS would', [''])
  .addHelpText(
    'after',
    '\nPackages the template and checks it as it comes, with each switch turned, and for each partition of AWS. Exits with 1 when it finds a problem.\n',
  )
  .action(
    onFunctionsNode(async () => {
      const { checkTemplate } = await import('../deploy/check/check-template.ts');
      const { deployments } = await import('../deploy/check/deployments.ts');
      const { packageFunctions } = await import('../deploy/package.ts');
      // A folder of its own: .serverless holds what a user packaged.
      const { templateFile } = await packageFunctions({ folder: '.local/check' });
      for (const [name, deployment] of Object.entries(deployments)) {
        const findings = await checkTemplate(templateFile, deployment);
        for (const { rule, where, message } of findings)
          process.stderr.write(`${name}: ${rule} ${where}: ${message}\n`);
        if (findings.length > 0) process.exitCode = 1;
      }
      if (!process.exitCode)
        process.stdout.write(
          `${Object.keys(deployments).length} variants of the template: no problems found.\n`,
        );
    }),
  );
