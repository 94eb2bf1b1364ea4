import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';

const CheckNames = createRequire(import.meta.url)('../../deploy/check-names.cjs');

const longestKey = 'postRecordsStagingTable';

/** What packaging for this stage is refused with. */
function problem(stage: string, region = 'us-east-1'): string | undefined {
  const service = {
    provider: { stage, region },
    functions: {
      one: {
        name: `servicenow-functions-${stage}-${longestKey}`,
        iamRoleStatementsName: `snf-${stage}-${region}-${longestKey}`,
      },
    },
  };
  const { hooks } = new CheckNames({ service, classes: { Error } });
  try {
    hooks['before:package:cleanup']();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe('a stage', () => {
  it.each(['dev', 'prod', 'pr-123', 'team-a-test', '2026'])('may be called %s', (stage) => {
    expect(problem(stage)).toBeUndefined();
  });

  it.each(['Prod', 'my_stage', 'a--b', '-dev', 'dev-', 'größe', 'a.b', 'a b', ''])(
    'is refused by the name %j',
    (stage) => {
      expect(problem(stage)).toContain('lower-case letters');
    },
  );

  it('is refused when a name made of it is too long, and names the longest', () => {
    expect(problem('x'.repeat(19))).toBeUndefined();
    expect(problem('x'.repeat(20))).toMatch(
      /too long by 1: the function servicenow-functions-x+-post\w+ may have 64/,
    );
    expect(problem('x'.repeat(19), 'ap-southeast-1')).toBeUndefined();
  });
});
