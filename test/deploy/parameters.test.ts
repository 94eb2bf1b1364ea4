import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parameters } from '../../deploy/parameters.ts';
import { templateParameters } from '../../deploy/template-parameters.ts';

const serverlessFile = join(import.meta.dirname, '../../serverless.yml');

/** The defaults of serverless.yml: `name: value` below `params: default:`. */
async function defaults(): Promise<Map<string, string>> {
  const text = await readFile(serverlessFile, 'utf8');
  const block = text.slice(text.indexOf('  default:\n'), text.indexOf('\nplugins:'));
  const lines = block.matchAll(/^ {4}(\w+): (.*)$/gm);
  return new Map(
    [...lines].map(([, name = '', value = '']) => [
      name,
      value.replaceAll(/^'|'$/g, '').replace(`\${sls:stage}`, 'dev'),
    ]),
  );
}

async function parametersWith(changes: Readonly<Record<string, string>>, region = 'us-east-1') {
  const values = new Map([...(await defaults()), ...Object.entries(changes)]);
  return templateParameters((param) => values.get(param) ?? '', region);
}

describe('the parameters of a deployment', () => {
  it('are the params of serverless.yml, each with its default', async () => {
    const made = await parametersWith({});
    for (const [name, value] of await defaults()) {
      if (name === 'tags') continue;
      const parameter = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
      expect([parameter, made[parameter]?.Default]).toEqual([parameter, value]);
    }
    expect(Object.keys(made)).toHaveLength(parameters.length + 1);
  });

  it('take their own defaults by their own patterns', async () => {
    for (const [name, { Default, AllowedPattern, AllowedValues }] of Object.entries(
      await parametersWith({}),
    )) {
      if (AllowedPattern) expect([name, new RegExp(AllowedPattern).test(Default)]).toEqual([name, true]);
      if (AllowedValues) expect(AllowedValues).toContain(Default);
    }
  });

  it('are compared with their patterns as a whole', async () => {
    const made = await parametersWith({});
    for (const [name, { Default, AllowedPattern = '' }] of Object.entries(made))
      if (AllowedPattern !== '' && name !== 'Revision' && name !== 'RunbookUrl')
        expect([name, new RegExp(AllowedPattern).test(`${Default} ;`)]).toEqual([name, false]);
  });

  it('have another revision when one of them has another value', async () => {
    const one = (await parametersWith({}))['Revision']?.Default;
    expect((await parametersWith({}))['Revision']?.Default).toBe(one);
    expect((await parametersWith({ allowedTables: 'incident' }))['Revision']?.Default).not.toBe(one);
  });

  it.each([
    [{ imports: 'no' }, 'imports is "no"; it must be one of true, false'],
    [{ logRetentionInDays: '31' }, 'logRetentionInDays is "31"'],
    [{ logLevel: 'debug' }, 'logLevel is "debug"'],
    [{ secretId: ' ' }, 'secretId must not be empty'],
    [{ kmsKeyArn: 'alias/ours' }, 'must be the ARN of a KMS key'],
    [{ kmsKeyArn: 'arn:aws:kms:eu-west-1:111122223333:alias/ours' }, 'not of an alias'],
    [{ permissionsBoundary: 'boundary' }, 'must be the ARN of an IAM policy'],
    [{ rolePath: 'apps' }, 'must start and end with a slash'],
    [{ reservedConcurrency: '4' }, 'reservedConcurrency is "4"'],
    [{ reservedConcurrency: '7', recordsConcurrency: '4' }, 'reservedConcurrency must be at least 8'],
    [{ recordsRetryForSeconds: '0' }, 'must be a whole number from 1 to 64800'],
    [{ recordsRetryForSeconds: '64801' }, 'must be a whole number from 1 to 64800'],
    [{ recordsParkForSeconds: '0' }, 'must be a whole number from 1 to 64800'],
    [{ allowedTables: 'incident;problem' }, 'must be tables, comma separated'],
    [{ allowedTables: ' , ' }, 'must be tables, comma separated'],
    [{ batchMethods: 'FOO' }, 'must be methods, comma separated'],
    [{ methodOverrides: 'PUTT' }, 'must be methods, comma separated'],
    [{ executionRetentionInDays: '91' }, 'must be a number of days, 1 to 90'],
    [{ importBucketName: 'a..b' }, 'must be the name of a bucket'],
    [{ importBucketName: '192.168.1.1' }, 'must be the name of a bucket'],
    [{ importBucketName: 'xn--abc' }, 'must be the name of a bucket'],
    [{ importBucketName: 'abc--ol-s3' }, 'must be the name of a bucket'],
    [
      {
        vpcSubnetIds: Array.from({ length: 17 }, (_, i) => `subnet-${i}`).join(),
        vpcSecurityGroupIds: 'sg-1',
      },
      '16 at most',
    ],
    [{ rolePath: `/${'a'.repeat(511)}/` }, '512 characters at most'],
    [{ redriveEvery: 'rate(99999999999999 hours)' }, 'must be a rate of hours or days'],
    [{ reservedConcurrency: '1000000' }, 'must be a whole number from 5 to 999999'],
    [{ tracing: '{{resolve:ssm:/tracing}}' }, 'must be one of true, false'],
    [{ runbookUrl: `https://example.com/${'a'.repeat(2_000)}/` }, 'must have 800 characters at most'],
    ...(
      [
        ['kmsKeyArn', 'kms', 'key/k'],
        ['secretKmsKeyArn', 'kms', 'key/k'],
        ['alarmTopicArn', 'sns', 'alarms'],
        ['outcomeBusArn', 'events', 'event-bus/ours'],
        ['secretId', 'secretsmanager', 'secret:ours-AbCdEf'],
        ['secretArns', 'secretsmanager', 'secret:ours-AbCdEf'],
      ] as const
    ).flatMap(([param, service, name]): [Record<string, string>, string][] => [
      [
        { [param]: `arn:aws:${service}:eu-west-1:111122223333:${name}` },
        'must be in the region of the deployment',
      ],
      [
        { [param]: `arn:aws-cn:${service}:us-east-1:111122223333:${name}` },
        'is in the partition aws, not aws-cn',
      ],
    ]),
    [{ permissionsBoundary: 'arn:aws-cn:iam::111122223333:policy/b' }, 'is in the partition aws, not aws-cn'],
    [
      { secretId: '{"prod":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-AbCdEf"}' },
      'must be in the region of the deployment',
    ],
    [{ jwtScopes: 'a,,b' }, 'must be scopes, comma separated'],
    [{ jwtScopes: 'read write' }, 'must be scopes, comma separated'],
    [{ jwtAudience: 'one two' }, 'must be audiences, comma separated'],
    [{ vpcSubnetIds: 'subnet-1 subnet-2', vpcSecurityGroupIds: 'sg-1' }, 'must be subnet ids'],
    [{ eventSenders: '1111 22223333' }, 'must be ARNs of EventBridge rules'],
    ...[
      '*',
      'our secret',
      'größe',
      `\${AWS::StackName}`,
      'x'.repeat(513),
      '["prod"]',
      '{"prod":5}',
      '{"prod":{}}',
    ].map((secretId): [Record<string, string>, string] => [
      { secretId },
      'must be the name or the ARN of a secret',
    ]),
    [{ secretId: '{"prod":"*"}' }, 'must be the name or the ARN of a secret'],
    [{ secretId: '{"prod":" a"}' }, 'must be the name or the ARN of a secret'],
    [{ secretId: 'arn:aws:ssm:us-east-1:111122223333:parameter/ours' }, 'must be the name or the ARN'],
    [{ secretId: 'arn:aws:secretsmanager:us-east-1:1111:secret:ours' }, 'must be the name or the ARN'],
    [{ secretId: '{{resolve:secretsmanager:ours}}' }, 'secretId must name the secret, not hold its content'],
    [{ secretArns: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:*' }, 'must be ARNs of secrets'],
    [{ callerColumn: 'sys_id' }, 'must be the name of a column'],
    [{ callerColumn: 'correlation_id' }, 'must be the name of a column'],
    [{ permissionsBoundary: 'arn:aws:iam::111122223333:policy/a b' }, 'must be the ARN of an IAM policy'],
    [{ permissionsBoundary: 'arn:aws:iam::111122223333:policy/a/' }, 'must be the ARN of an IAM policy'],
    [{ rolePath: '/aws-service-role/ours/' }, 'must start and end with a slash'],
    [{ dropRetentionInDays: '0' }, 'must be a number of days, or empty to keep them'],
    [{ recordsBatchingSeconds: '31' }, 'must be a whole number of seconds from 1 to 30'],
    [{ recordsBatchingSeconds: '0' }, 'must be a whole number of seconds'],
    [{ recordsBatchingSeconds: '-1' }, 'must be a whole number of seconds'],
    [{ recordsConcurrency: '1' }, 'it must be from 2 to 1000'],
    [{ recordsConcurrency: '1001' }, 'it must be from 2 to 1000'],
    [{ vpcSubnetIds: 'subnet-1' }, 'given together or not at all'],
    [{ vpcSecurityGroupIds: 'sg-1' }, 'given together or not at all'],
    [{ authorizer: 'jwt', jwtIssuer: 'https://a.example.com' }, 'needs jwtIssuer and jwtAudience'],
    [{ authorizer: 'none' }, 'must be one of iam, jwt'],
    [{ importBucketExists: 'true' }, 'needs the name of the bucket in importBucketName'],
    [{ importBucketKmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/k' }, 'is for a bucket that exists'],
    [{ importBucketName: 'My_Bucket' }, 'must be the name of a bucket'],
    [{ reconcileEvery: 'rate(1 minutes)' }, 'must be a rate'],
    [{ reconcileEvery: 'cron(0 * * * ? *)' }, 'must be a rate'],
    [{ redriveEvery: 'rate(5 minutes)' }, 'must be a rate of hours or days'],
    [{ redriveEvery: 'rate(1 hours)' }, 'must be a rate of hours or days'],
    [{ events: 'yes' }, 'events is "yes"'],
    [{ eventSenders: 'alarms' }, 'must be ARNs of EventBridge rules, SNS topics and accounts'],
    [{ eventSenders: 'arn:aws:sqs:us-east-1:111122223333:queue' }, 'must be ARNs of EventBridge rules'],
    [{ eventSenders: 'arn:aws:events:us-east-1:111122223333:rule/*' }, 'must be ARNs of EventBridge rules'],
    [
      { eventSenders: 'arn:aws:events:us-east-1:11112222333:rule/alarms' },
      'must be ARNs of EventBridge rules',
    ],
    [{ eventSenders: 'arn:aws:sns:us-east-1:111122223333:a,' }, 'must be ARNs of EventBridge rules'],
    [{ eventSenders: '11112222333' }, 'must be ARNs of EventBridge rules'],
    [{ eventSenders: 'arn:aws:iam::111122223333:user/someone' }, 'must be ARNs of EventBridge rules'],
  ])('refuse %j before anything is deployed', async (changes, message) => {
    await expect(parametersWith(changes)).rejects.toThrow(message);
  });

  it('take rules, topics and accounts as senders, an account by its ARN or its id', async () => {
    const rule = 'arn:aws-cn:events:cn-north-1:111122223333:rule/own-bus/alarms';
    const topic = 'arn:aws:sns:us-east-1:111122223333:alarms.fifo';
    const eventSenders = `${rule}, ${topic},\n arn:aws:iam::444455556666:root,777788889999`;
    expect((await parametersWith({ eventSenders }))['EventSenders']?.Default).toBe(
      `${rule},${topic},444455556666,777788889999`,
    );
  });

  it('take lists with blanks, which CloudFormation would keep', async () => {
    const lists = {
      vpcSubnetIds: 'subnet-1, subnet-2',
      vpcSecurityGroupIds: ' sg-1 ,sg-2',
      jwtAudience: 'a, b',
    };
    const made = await parametersWith(lists);
    const names = ['VpcSubnetIds', 'VpcSecurityGroupIds', 'JwtAudience'];
    expect(names.map((name) => made[name]?.Default)).toEqual(['subnet-1,subnet-2', 'sg-1,sg-2', 'a,b']);
  });

  it('take methods in any letter case, and lists with commas too many', async () => {
    const lists = {
      batchMethods: 'get, Post,',
      methodOverrides: 'patch',
      allowedTables: 'incident,problem,',
      correlationIdTables: ',u_one,, u_two , ',
    };
    const made = await parametersWith(lists);
    const names = ['BatchMethods', 'MethodOverrides', 'AllowedTables', 'CorrelationIdTables'];
    expect(names.map((name) => made[name]?.Default)).toEqual([
      ...['GET, POST', 'PATCH', 'incident,problem', 'u_one, u_two'],
    ]);
    for (const name of names)
      expect(made[name]?.Default).toMatch(new RegExp(made[name]?.AllowedPattern ?? ''));
  });

  it('let few copies be reserved where there is one records queue', async () => {
    const few = { reservedConcurrency: '7', recordsConcurrency: '4', events: 'false' };
    expect((await parametersWith(few))['ReservedConcurrency']?.Default).toBe('7');
    await expect(parametersWith({ ...few, recordsFifo: 'true' })).rejects.toThrow('at least 8');
  });

  it.each([
    { secretId: 'servicenow/prod_1+a=b.c@d-e' },
    { secretId: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:servicenow/prod-AbCdEf' },
    { secretId: '{ "prod": "a/b", "dev": "arn:aws:secretsmanager:us-east-1:111122223333:secret:dev" }' },
    { secretId: '{{resolve:ssm:/name}}' },
    { secretArns: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:servicenow/prod-??????' },
    { permissionsBoundary: 'arn:aws:iam::111122223333:policy/teams/apps/boundary' },
    { callerColumn: 'u_caller' },
    { importBucketName: 'drops.of-ours.1' },
    { executionRetentionInDays: '90' },
    { reservedConcurrency: '9999' },
    { allowedTables: '{\n  "prod": "incident",\n  "dev": "*"\n}' },
    { allowedTables: '{{resolve:ssm:/tables}}' },
    { batchMethods: 'GET,{{resolve:ssm:/more-methods}}' },
    { kmsKeyArn: '{{resolve:ssm:/key}}' },
    { outcomeBusArn: '{{resolve:secretsmanager:arn:aws:secretsmanager:eu-west-1:111122223333:secret:bus}}' },
    { recordsRetryForSeconds: '64800' },
    { rolePath: `/${'a'.repeat(510)}/` },
    { allowedTables: '{"prod":"incident, problem","dev":"*"}' },
    { methodOverrides: 'PUT, PATCH' },
    { permissionsBoundary: 'arn:aws:iam::aws:policy/PowerUserAccess' },
    { eventSenders: 'arn:aws:sns:eu-west-1:111122223333:alarms' },
  ])('take %j, also by the pattern of the template', async (changes) => {
    const [[param = '', value = ''] = []] = Object.entries(changes);
    const made = await parametersWith(changes);
    const { AllowedPattern = '', Default } = made[param.charAt(0).toUpperCase() + param.slice(1)] ?? {};
    expect(Default).toBe(value);
    expect(value).toMatch(new RegExp(AllowedPattern));
  });

  it('take an ARN of any partition', async () => {
    const arn = 'arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-0f1e';
    expect((await parametersWith({ kmsKeyArn: arn }, 'us-gov-west-1'))['KmsKeyArn']?.Default).toBe(arn);
  });
});
