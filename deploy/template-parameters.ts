import { createHash } from 'node:crypto';
import { type Parameter, parameters } from './parameters.ts';
import { partitionOf } from './partitions.ts';

/**
 * True for a value of which CloudFormation reads a part elsewhere: what will stand there cannot be checked here.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
 */
export function hasDynamicReference(value: string): boolean {
  return /\{\{resolve:[^{}]+\}\}/.test(value);
}

/** A `Parameter` of a CloudFormation template. */
export type TemplateParameter = {
  readonly Type: 'String';
  readonly Default: string;
  readonly Description: string;
  readonly AllowedValues?: readonly string[];
  readonly AllowedPattern?: string;
  readonly ConstraintDescription?: string;
};

/** `kmsKeyArn` as `KmsKeyArn`. */
function parameterName(param: string): string {
  return `${param.charAt(0).toUpperCase()}${param.slice(1)}`;
}

/**
 * The template's parameters with the values of a deployment as their defaults.
 * @param settingOf the value of a param
 * @param region of the deployment
 * @throws Error naming the param whose value is wrong, since CloudFormation would say so only half-way
 */
export function templateParameters(
  settingOf: (param: string) => string,
  region: string,
): Record<string, TemplateParameter> {
  const values = new Map(
    parameters.map(({ param, read }) => {
      const value = settingOf(param).trim();
      return [param, read && !hasDynamicReference(value) ? read(value) : value];
    }),
  );
  for (const parameter of parameters) {
    const value = values.get(parameter.param) ?? '';
    checkValue(parameter, value);
    if (parameter.isArn && !hasDynamicReference(value)) checkArns(parameter.param, value, region);
  }
  checkTogether((param) => values.get(param) ?? '');
  const entries = parameters.map(
    (parameter) =>
      [
        parameterName(parameter.param),
        templateParameter(parameter, values.get(parameter.param) ?? ''),
      ] as const,
  );
  return { ...Object.fromEntries(entries), Revision: revisionOf(values) };
}

function templateParameter(parameter: Parameter, value: string): TemplateParameter {
  const { description, values, pattern, expected, required } = parameter;
  // Alternatives in a group: else the first one would only bind the beginning.
  const whole = required ? `^(${pattern})$` : `^(|${pattern})$`;
  return {
    Type: 'String',
    Default: value,
    Description: description,
    ...(values && { AllowedValues: values }),
    ...(pattern && !hasDynamicReference(value) && { AllowedPattern: whole }),
    ...(expected && { ConstraintDescription: expected }),
  };
}

/**
 * Imports run on a published version of their function, and CloudFormation publishes one only when a property of the version
 * changes: a changed setting has to change this parameter too.
 */
function revisionOf(values: ReadonlyMap<string, string>): TemplateParameter {
  const digest = createHash('sha256').update(JSON.stringify([...values]));
  return {
    Type: 'String',
    Default: digest.digest('hex').slice(0, 16),
    Description: 'Change it with every other parameter, so that new imports use the new settings.',
    AllowedPattern: '^[\\w.-]{1,64}$',
  };
}

function checkValue({ param, values, pattern, expected, required }: Parameter, value: string): void {
  if (values && !values.includes(value))
    throw new Error(`${param} is "${value}"; it must be one of ${values.join(', ')}`);
  if (value === '' && required) throw new Error(`${param} must not be empty`);
  if (hasDynamicReference(value)) return;
  if (value !== '' && pattern && !new RegExp(`^(?:${pattern})$`).test(value))
    throw new Error(`${param} is "${value}"; it ${expected ?? 'has another form'}`);
}

/** What is used from another partition or region is refused by the service that uses it. */
function checkArns(param: string, value: string, region: string): void {
  for (const [arn, partition, arnRegion] of value.matchAll(/\barn:(aws[\w-]*):[\w-]+:([\w-]*):[^",\s]*/g)) {
    const { name } = partitionOf(region);
    if (partition !== name)
      throw new Error(`${param} is "${arn}"; ${region} is in the partition ${name}, not ${partition}`);
    if (arnRegion !== '' && arnRegion !== region)
      throw new Error(`${param} is "${arn}"; it must be in the region of the deployment, ${region}`);
  }
}

function checkTogether(settingOf: (param: string) => string): void {
  const isSet = (param: string) => settingOf(param) !== '';
  if (/\{\{resolve:(secretsmanager|ssm-secure):/.test(settingOf('secretId')))
    throw new Error(
      'secretId must name the secret, not hold its content; {{resolve:ssm:…}} may give the name',
    );
  if (isSet('vpcSubnetIds') !== isSet('vpcSecurityGroupIds'))
    throw new Error('vpcSubnetIds and vpcSecurityGroupIds are given together or not at all');
  if (settingOf('authorizer') === 'jwt' && !(isSet('jwtIssuer') && isSet('jwtAudience')))
    throw new Error('authorizer jwt needs jwtIssuer and jwtAudience');
  if (settingOf('importBucketExists') === 'true' && !isSet('importBucketName'))
    throw new Error('importBucketExists needs the name of the bucket in importBucketName');
  if (isSet('importBucketKmsKeyArn') && settingOf('importBucketExists') !== 'true')
    throw new Error(
      'importBucketKmsKeyArn is for a bucket that exists; one that is made has the key kmsKeyArn',
    );
  const hasFifo = settingOf('recordsFifo') === 'true' || settingOf('events') === 'true';
  const copies = Number(settingOf('recordsConcurrency')) * (hasFifo ? 2 : 1);
  if (isSet('reservedConcurrency') && Number(settingOf('reservedConcurrency')) < copies)
    throw new Error(
      `reservedConcurrency must be at least ${copies}: recordsConcurrency for each records queue, or Lambda refuses messages`,
    );
}
