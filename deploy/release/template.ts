import type { Template } from '../../emulator/aws/template/template.ts';

/** Stands for the stage in a template that is packaged for a release, where a stack's parameter takes its place. */
export const stageToken = 'zzreleasezz';

/**
 * Stands for the region; the stack's own takes its place. serverless takes regions of its list only: this is one that nothing here can
 * be deployed to, so that no pattern of a mapping file names it.
 */
export const regionToken = 'us-isob-east-1';

type Json = Readonly<Record<string, unknown>>;

/** Parameters of the stack that serverless fills in when packaging. */
const stackParameters = {
  Stage: {
    Type: 'String',
    Default: 'prod',
    Description: 'Part of the names of functions and roles. Two stacks of one region need two stages.',
    AllowedPattern: '^[a-z0-9]+(-[a-z0-9]+)*$',
    MaxLength: 19,
    ConstraintDescription: 'must be lower-case letters, digits and single hyphens, at most 19',
  },
  ArtifactBucket: {
    Type: 'String',
    Description: "Bucket that the release's zips were copied to, in the region of the stack.",
    AllowedPattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
    ConstraintDescription: 'must be the name of a bucket',
  },
  ArtifactBucketByRegion: {
    Type: 'String',
    Default: 'false',
    AllowedValues: ['true', 'false'],
    Description:
      'true adds a hyphen and the region of the stack to ArtifactBucket, for a StackSet of several regions.',
  },
  ArtifactPrefix: {
    Type: 'String',
    Default: '',
    Description: 'What stands before the names of the zips, e.g. servicenow-functions/0.1.0/',
    AllowedPattern: '^(|.+/)$',
    ConstraintDescription: 'must end with a slash',
  },
} as const;

/**
 * The template of a release, made of one that was packaged for `stageToken`: one that needs no serverless. It has no bucket for
 * deployments; zips are read from a bucket of the user's; names take the stage and the region of the stack.
 */
export function releaseTemplate(packaged: Template & Json): Json {
  const { Parameters, Conditions, Resources, Outputs, ...rest } = packaged;
  const kept = Object.entries(Resources).filter(([id]) => !id.startsWith('ServerlessDeploymentBucket'));
  const resources = kept.map(([id, resource]) => [id, withOwnCode(resource)] as const);
  const template = {
    ...rest,
    Description: 'servicenow-functions: cloud events become ServiceNow records',
    Parameters: { ...stackParameters, ...withoutSecret(Parameters) },
    Conditions: {
      ...Conditions,
      WithSecretOfStage: { 'Fn::Equals': [{ Ref: 'SecretId' }, ''] },
      // Only a map has quotes.
      WithoutSecretArns: {
        'Fn::And': [
          { 'Fn::Not': [{ Condition: 'WithSecretArns' }] },
          {
            'Fn::Not': [
              { 'Fn::Equals': [{ 'Fn::Select': [0, { 'Fn::Split': ['"', secretIdText] }] }, secretIdText] },
            ],
          },
        ],
      },
      WithArtifactsByRegion: { 'Fn::Equals': [{ Ref: 'ArtifactBucketByRegion' }, 'true'] },
    },
    Resources: byStage({ ...secretArnsAreMissing, ...Object.fromEntries(resources) }),
    Outputs: byStage(withoutExports(Outputs)),
  };
  return template;
}

/** `Fn::Select` takes no empty entry. */
const secretIdText = { 'Fn::Sub': `id-\${SecretId}` };

/**
 * CloudFormation’s rules cannot look into the text of a parameter, and no role could read a secret of a map whose ARNs are not given. So a
 * stack without them has something that can never be made, and whose failure says why: SSM refuses a value that its pattern does not match.
 */
const secretArnsAreMissing = {
  SecretIdIsAMapButSecretArnsIsEmpty: {
    Type: 'AWS::SSM::Parameter',
    Condition: 'WithoutSecretArns',
    Properties: {
      Type: 'String',
      Value: 'empty',
      AllowedPattern: '^SecretId is a map: SecretArns must have the ARN of each of its secrets$',
    },
  },
} as const;

/** No stage is known before the stack, and one must not use the secret of another. */
function withoutSecret(parameters: Template['Parameters']): Template['Parameters'] {
  const { SecretId, ...others } = parameters;
  const Description = `${SecretId?.['Description']} Empty: the secret servicenow-functions/ and the stage.`;
  const AllowedPattern = `^(|${String(SecretId?.['AllowedPattern']).slice(2, -2)})$`;
  return { SecretId: { ...SecretId, Default: '', Description, AllowedPattern }, ...others };
}

/** What `{ Ref: 'SecretId' }` stands for in a stack. */
const secretOfStack = {
  'Fn::If': ['WithSecretOfStage', { 'Fn::Sub': `servicenow-functions/\${Stage}` }, { Ref: 'SecretId' }],
};

function withOwnCode(resource: Template['Resources'][string]): Template['Resources'][string] {
  if (resource.Type !== 'AWS::Lambda::Function') return resource;
  const [, zip = ''] = /([^/]+\.zip)"/.exec(JSON.stringify(resource.Properties['Code'])) ?? [];
  const Code = {
    S3Bucket: {
      'Fn::If': [
        'WithArtifactsByRegion',
        { 'Fn::Sub': `\${ArtifactBucket}-\${AWS::Region}` },
        { Ref: 'ArtifactBucket' },
      ],
    },
    S3Key: { 'Fn::Sub': `\${ArtifactPrefix}${zip}` },
  };
  return { ...resource, Properties: { ...resource.Properties, Code } };
}

/** Two stacks of one region could not export the same names. */
function withoutExports(outputs: unknown): Json {
  const entries = Object.entries(typeof outputs === 'object' && outputs !== null ? outputs : {});
  const kept = entries.filter(([name]) => name !== 'ServerlessDeploymentBucketName');
  return Object.fromEntries(kept.map(([name, { Export: _, ...output }]) => [name, output]));
}

/** The same value with the stage and the region of the stack in place of the packaged ones. */
function byStage(value: unknown): unknown {
  if (typeof value === 'string') return isPackaged(value) ? { 'Fn::Sub': replaced(value) } : value;
  if (Array.isArray(value)) return value.map(byStage);
  if (typeof value !== 'object' || value === null) return value;
  if ('Ref' in value && value.Ref === 'SecretId') return secretOfStack;
  if ('Fn::Sub' in value) return { 'Fn::Sub': replacedIn(value['Fn::Sub']) };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, byStage(item)]));
}

/** The text of a Fn::Sub, alone or with its variables. */
function replacedIn(argument: unknown): unknown {
  if (typeof argument === 'string')
    return argument.includes(`\${SecretId}`)
      ? [replaced(argument), { SecretId: secretOfStack }]
      : replaced(argument);
  if (!Array.isArray(argument)) return argument;
  const [text, variables] = argument;
  return [replaced(String(text)), byStage(variables)];
}

const isPackaged = (text: string) => text.includes(stageToken) || text.includes(regionToken);

function replaced(text: string): string {
  return text.replaceAll(stageToken, `\${Stage}`).replaceAll(regionToken, `\${AWS::Region}`);
}
