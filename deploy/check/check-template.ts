import { stackResources } from '../../emulator/aws/template/stack-resources.ts';
import { readTemplate } from '../../emulator/aws/template/template.ts';
import { deploymentFindings } from './deployment-findings.ts';
import { engineFindings } from './engine-findings.ts';
import type { Finding } from './finding.ts';
import { permissionFindings } from './permission-findings.ts';

/** Everything that is wrong with a packaged template; empty when it may be deployed. */
export async function checkTemplate(templateFile: string): Promise<Finding[]> {
  const broken = engineFindings(templateFile);
  if (broken.length > 0) return broken;
  const template = await readTemplate(templateFile);
  const stack = stackResources(template, {
    region: 'us-east-1',
    accountId: '000000000000',
    sqsEndpoint: 'https://sqs.us-east-1.amazonaws.com',
  });
  return [...deploymentFindings(template, stack), ...(await permissionFindings(template))];
}
