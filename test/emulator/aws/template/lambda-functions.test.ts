import { describe, expect, it } from 'vitest';
import { lambdaFunction } from '../../../../emulator/aws/template/lambda-functions.ts';

const withVariables = (Variables: Record<string, string>, more = {}) =>
  lambdaFunction(
    'arn:aws:lambda:us-east-1:000000000000:function:fn',
    { FunctionName: 'fn', Handler: 'h', Code: { S3Key: 'x/fn.zip' }, Environment: { Variables }, ...more },
    [],
    new Map(),
  );

describe('a function of the template', () => {
  it('may have variables of 4 KB, names and values together', () => {
    expect(withVariables({ NAME: 'x'.repeat(4092) }).environment['NAME']).toHaveLength(4092);
  });

  it.each([
    ['more than 4 KB of variables', { NAME: 'x'.repeat(4093) }, {}, '4 KB'],
    ['more bytes than letters', { NAME: 'ü'.repeat(2047) }, {}, '4 KB'],
    ['a variable that Lambda sets', { AWS_REGION: 'eu-west-1' }, {}, 'reserved'],
    ['a time-out of more than 15 minutes', {}, { Timeout: 901 }, 'Timeout'],
    ['more memory than there is', {}, { MemorySize: 10_241 }, 'MemorySize'],
    ['an execution of more than a year', {}, { DurableConfig: { ExecutionTimeout: 31_622_401 } }, 'Timeout'],
  ])('is refused with %s', (_, variables, more, message) => {
    expect(() => withVariables(variables, more)).toThrow(message);
  });
});
