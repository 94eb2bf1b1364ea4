import { stackResources } from '../../emulator/aws/template/stack-resources.ts';
import { asTemplate, readTemplate } from '../../emulator/aws/template/template.ts';
import { partitionOf } from '../partitions.ts';
import {
  checkedAccount,
  type Deployment,
  deployedTemplate,
  withParameters,
  withParameterValues,
} from './deployed-template.ts';
import { deploymentFindings } from './deployment-findings.ts';
import { engineFindings } from './engine-findings.ts';
import type { Finding } from './finding.ts';
import { permissionFindings } from './permission-findings.ts';

/** Everything that is wrong with a packaged template; empty when it may be deployed as `deployment` says. */
export async function checkTemplate(templateFile: string, deployment: Deployment = {}): Promise<Finding[]> {
  const { region = 'us-east-1', parameters = {} } = deployment;
  const template = withParameters(await readTemplate(templateFile), parameters);
  const deployed = deployedTemplate(template, region);
  const broken = engineFindings(deployed, region);
  if (broken.length > 0) return broken;
  const stack = stackResources(template, { region, partition: partitionOf(region).name, ...checkedAccount });
  const plain = asTemplate(withParameterValues(template, deployed));
  return [...deploymentFindings(plain, stack), ...(await permissionFindings(plain))];
}
