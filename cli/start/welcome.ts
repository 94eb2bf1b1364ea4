import type { Endpoints } from '../../emulator/stack/describe-stack.ts';
import { commandsToTry } from './commands-to-try.ts';

/** The text that `npm start` prints when everything is ready. */
export function welcome(endpoints: Endpoints, dataFolder: string, readyMs: number): string {
  const { api, instance, sqs, s3, lambda, secretsManager, dynamodb } = endpoints;
  const commands = commandsToTry(endpoints).map(({ title, command }) => `  # ${title}\n  ${command}\n`);
  return `
Ready in ${(readyMs / 1000).toFixed(1)} s. Everything listens on 127.0.0.1 only; requests need no signature.

  HTTP API          ${api}
  Instance          ${instance.url}   (${instance.username} / ${instance.password})
  SQS               ${sqs.endpoint}   ${sqs.recordsQueueUrl}
                                            ${sqs.recordsDlqUrl}
  S3                ${s3.endpoint}   bucket ${s3.bucket}
  Lambda (Invoke)   ${lambda.endpoint}
  DynamoDB          ${dynamodb.endpoint}${dynamodb.stateTable ? `   table ${dynamodb.stateTable}` : ''}
  Secrets Manager   ${secretsManager.endpoint}
  State             ${dataFolder}

Try:

${commands.join('\n')}
Stop with Ctrl-C.
`;
}
