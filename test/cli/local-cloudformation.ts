import { onTestFinished } from 'vitest';
import * as z from 'zod';
import { AwsError } from '../../emulator/aws/aws-error.ts';
import { listenOnLoopback } from '../../emulator/aws/loopback-server.ts';
import { queryAction, queryProtocol } from '../../emulator/aws/query-protocol.ts';

/** The outputs of each stack by its name. */
export type Stacks = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * CloudFormation as far as DescribeStacks goes, until the end of the test.
 * @returns its URL
 */
export async function startCloudFormation(stacks: Stacks, StackStatus = 'UPDATE_COMPLETE'): Promise<string> {
  const describe = queryAction(z.object({ StackName: z.string() }), ({ StackName }) => {
    const outputs = stacks[StackName];
    if (outputs === undefined)
      throw new AwsError('ValidationError', `Stack with id ${StackName} does not exist`);
    const entries = Object.entries(outputs);
    const member = entries.map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue }));
    return { Stacks: { member: [{ StackName, StackStatus, Outputs: { member } }] } };
  });
  const listener = queryProtocol({
    xmlNamespace: 'http://cloudformation.amazonaws.com/doc/2010-05-15/',
    actions: { DescribeStacks: describe },
    state: undefined,
    rights: () => [],
    validationCode: 'ValidationError',
  });
  const server = await listenOnLoopback(listener, 0, 'CloudFormation');
  onTestFinished(() => server.close());
  return server.url;
}
