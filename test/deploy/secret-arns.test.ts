import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';

const load: (tools: object) => Promise<unknown> = createRequire(import.meta.url)(
  '../../deploy/secret-arns.cjs',
);
const arnsOf = (setting: unknown) => load({ resolveVariable: async () => setting });
const secret = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:';
const named = (name: string) => ({
  'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${name}-??????`,
});

describe('the secrets that a role may read', () => {
  it('are those of a map, given as text or read already, by name and by ARN', async () => {
    const map = { prod: 'a/b', dev: `${secret}dev`, test: '{{resolve:ssm:/test}}' };
    const arns = [named('a/b'), `${secret}dev`, `${secret}dev-??????`, named('{{resolve:ssm:/test}}')];
    expect(await arnsOf(map)).toEqual(arns);
    expect(await arnsOf(JSON.stringify(map))).toEqual(arns);
  });

  it.each(['ours', 7, '{{resolve:ssm:/name}}', `${secret}ours`])(
    'are the one that the parameter names: %j',
    async (setting) => {
      const text = JSON.stringify(await arnsOf(setting));
      expect(text).toContain('"Ref":"SecretId"');
      expect(text).not.toContain('resolve');
    },
  );

  it.each([
    null,
    undefined,
    true,
    [],
    ['ours'],
    {},
    { prod: 5 },
    { prod: null },
    { prod: {} },
    '{"prod":',
    '{"prod":[]}',
  ])('are none of %j, which is refused with the form that is expected', async (setting) => {
    await expect(arnsOf(setting)).rejects.toThrow(
      'secretId must be the name or the ARN of a secret, or a JSON map of them by instance',
    );
  });
});
