import type { PackageOptions } from '../deploy/package.ts';
import { command, onFunctionsNode } from './command-line.ts';

/** The template as it comes, and with every switch turned. */
const variants: Readonly<Record<string, PackageOptions>> = {
  'as it comes': { folder: '.local/check/default' },
  'every switch turned': {
    folder: '.local/check/switched',
    stage: 'production',
    params: {
      authorizer: 'jwt',
      jwtIssuer: 'https://issuer.example.com/',
      jwtAudience: 'servicenow-functions',
      recordsFifo: 'true',
      httpsProxy: 'http://proxy.example.com:3128',
      noProxy: '.internal.example.com',
      vpcSubnetIds: 'subnet-0a1b2c3d,subnet-1a2b3c4d',
      vpcSecurityGroupIds: 'sg-0a1b2c3d',
      secretId: '{"prod":"connections/prod","dev":"connections/dev"}',
    },
  },
};

/** `servicenow-functions check-template` */
export const checkTemplateCommand = command('check-template', 'checks the template as AWS would', [''])
  .addHelpText(
    'after',
    '\nPackages the template as it comes and with every switch turned, and checks both. Exits with 1 when it finds a problem.\n',
  )
  .action(
    onFunctionsNode(async () => {
      const { checkTemplate } = await import('../deploy/check/check-template.ts');
      const { packageFunctions } = await import('../deploy/package.ts');
      for (const [variant, options] of Object.entries(variants)) {
        const findings = await checkTemplate((await packageFunctions(options)).templateFile);
        for (const { rule, where, message } of findings)
          process.stderr.write(`${variant}: ${rule} ${where}: ${message}\n`);
        if (findings.length > 0) process.exitCode = 1;
        else process.stdout.write(`Template ${variant}: no problems found.\n`);
      }
    }),
  );
