import type { Stack } from '../../emulator/stack/stack.ts';
import { typed } from '../typed.ts';
import { commandsToTry } from './commands-to-try.ts';

/** The text that `npm start` prints when everything is ready. */
export function welcome(
  { endpoints, secretOwner }: Pick<Stack, 'endpoints' | 'secretOwner'>,
  page: string,
  dataFolder: string,
  readyMs: number,
): string {
  const { api, instance, sqs, s3, lambda, secretsManager, dynamodb } = endpoints;
  const commands = commandsToTry(endpoints).map(
    ({ title, command, look }) => `  # ${title}\n  ${command}\n  # see it: ${look}\n`,
  );
  const own = `your own, from the secret in ${dataFolder}; another --data-dir takes the emulated one`;
  const emulated = `${instance.url}   (${instance.username} / ${instance.password})`;
  const { eventBridge, sns, cloudWatch, securityHub } = endpoints;
  const eventsQueue = sqs.eventsQueueUrl ? `\n${' '.repeat(44)}${sqs.eventsQueueUrl}` : '';
  return `
Ready in ${(readyMs / 1000).toFixed(1)} s. Everything listens on 127.0.0.1 only; requests need no signature.

  Page              ${page}/   (what happens, in the browser)
  API, to try       ${page}/openapi
  HTTP API          ${api}
  Instance          ${secretOwner === 'person' ? own : emulated}
  SQS               ${sqs.endpoint}   ${sqs.recordsQueueUrl}
                                            ${sqs.recordsDlqUrl}${eventsQueue}
  EventBridge       ${eventBridge.endpoint}   bus ${eventBridge.bus}
  SNS               ${sns.endpoint}${sns.topicArn ? `   ${sns.topicArn}` : ''}
  CloudWatch        ${cloudWatch.endpoint}
  Security Hub      ${securityHub.endpoint}
  S3                ${s3.endpoint}   bucket ${s3.bucket}
  Lambda (Invoke)   ${lambda.endpoint}
  DynamoDB          ${dynamodb.endpoint}${dynamodb.stateTable ? `   table ${dynamodb.stateTable}` : ''}
  Secrets Manager   ${secretsManager.endpoint}
  State             ${dataFolder}

Try:

${commands.join('\n')}
Each event is one line below; ${typed('send', '--help')} and ${typed('import', '--help')} do the same from another terminal.
Stop with Ctrl-C.

`;
}
