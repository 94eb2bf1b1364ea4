import { describe, expect, it } from 'vitest';
import { checkVariables } from '../../deploy/template/variables.ts';

const withCallers = (callers: string) => ({
  Parameters: { Callers: { Type: 'String', Default: callers } },
  Resources: {
    PostRecordLambdaFunction: {
      Type: 'AWS::Lambda::Function',
      Properties: {
        Environment: { Variables: { CALLERS: { Ref: 'Callers' }, STATE_TABLE: { Ref: 'StateTable' } } },
      },
    },
  },
});

describe('the variables of a function', () => {
  it('may fill what Lambda takes', () => {
    expect(() => checkVariables(withCallers('x'.repeat(3_900)))).not.toThrow();
  });

  it('are refused before the deployment when they are longer, counted in bytes', () => {
    expect(() => checkVariables(withCallers('ü'.repeat(2_000)))).toThrow(
      'the variables of PostRecord have 4178 bytes; Lambda takes 4096. The longest: CALLERS (4007)',
    );
  });
});
