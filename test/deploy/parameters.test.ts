import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parameters, templateParameters } from '../../deploy/parameters.ts';

const serverlessFile = join(import.meta.dirname, '../../serverless.yml');

/** The defaults of serverless.yml: `name: value` below `params: default:`. */
async function defaults(): Promise<Map<string, string>> {
  const text = await readFile(serverlessFile, 'utf8');
  const block = text.slice(text.indexOf('  default:\n'), text.indexOf('\nplugins:'));
  const lines = block.matchAll(/^ {4}(\w+): (.*)$/gm);
  return new Map([...lines].map(([, name = '', value = '']) => [name, value.replaceAll(/^'|'$/g, '')]));
}

async function parametersWith(changes: Readonly<Record<string, string>>) {
  const values = new Map([...(await defaults()), ...Object.entries(changes)]);
  return templateParameters((param) => values.get(param) ?? '');
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
    [{ reservedConcurrency: '0' }, 'reservedConcurrency is "0"'],
    [{ dropRetentionInDays: '0' }, 'must be a number of days, or empty to keep them'],
    [{ recordsConcurrency: '1' }, 'recordsConcurrency must be from 2 to 1000'],
    [{ recordsConcurrency: '1001' }, 'recordsConcurrency must be from 2 to 1000'],
    [{ vpcSubnetIds: 'subnet-1' }, 'given together or not at all'],
    [{ vpcSecurityGroupIds: 'sg-1' }, 'given together or not at all'],
    [{ authorizer: 'jwt', jwtIssuer: 'https://a.example.com' }, 'needs jwtIssuer and jwtAudience'],
    [{ authorizer: 'none' }, 'must be one of iam, jwt'],
    [{ importBucketExists: 'true' }, 'needs the name of the bucket in importBucketName'],
    [{ importBucketName: 'My_Bucket' }, 'must be the name of a bucket'],
  ])('refuse %j before anything is deployed', async (changes, message) => {
    await expect(parametersWith(changes)).rejects.toThrow(message);
  });

  it('take an ARN of any partition', async () => {
    const arn = 'arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-0f1e';
    expect((await parametersWith({ kmsKeyArn: arn }))['KmsKeyArn']?.Default).toBe(arn);
  });
});
