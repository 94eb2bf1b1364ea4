import { ACCOUNT_ID } from '../account.ts';
import { type Clock, systemClock } from '../clock.ts';
import { IN_MEMORY } from '../database.ts';
import { administratorId, type IdOf, type Permit } from '../iam/access-control.ts';
import { sqsRights } from '../iam/required-rights.ts';
import { jsonProtocol } from '../json-protocol.ts';
import { type LoopbackServer, listenOnLoopback } from '../loopback-server.ts';
import {
  changeMessageVisibility,
  changeMessageVisibilityBatch,
} from './actions/change-message-visibility.ts';
import { deleteMessage, deleteMessageBatch } from './actions/delete-message.ts';
import {
  createQueue,
  getQueueAttributes,
  getQueueUrl,
  listQueues,
  purgeQueue,
  setQueueAttributes,
} from './actions/queues.ts';
import { receiveMessage } from './actions/receive-message.ts';
import { sendMessage, sendMessageBatch } from './actions/send-message.ts';
import { queryErrorHeaders } from './sqs-error.ts';
import { type SqsService, SqsState } from './state.ts';

const ACTIONS = {
  ChangeMessageVisibility: changeMessageVisibility,
  ChangeMessageVisibilityBatch: changeMessageVisibilityBatch,
  CreateQueue: createQueue,
  DeleteMessage: deleteMessage,
  DeleteMessageBatch: deleteMessageBatch,
  GetQueueAttributes: getQueueAttributes,
  GetQueueUrl: getQueueUrl,
  ListQueues: listQueues,
  PurgeQueue: purgeQueue,
  ReceiveMessage: receiveMessage,
  SendMessage: sendMessage,
  SendMessageBatch: sendMessageBatch,
  SetQueueAttributes: setQueueAttributes,
};

export type SqsOptions = {
  /** @default 0, a free one */
  readonly port?: number;
  /** SQLite file that keeps the queues and their messages. @default in memory */
  readonly databaseFile?: string;
  readonly clock?: Clock;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
  /** Who sends, for `SenderId`. @default an administrator */
  readonly idOf?: IdOf | undefined;
};

export type LocalSqs = LoopbackServer & SqsService;

/** Standard and FIFO queues for the real SDK. Signatures are not checked. */
export async function startSqs(options: SqsOptions = {}): Promise<LocalSqs> {
  const state = new SqsState(options.databaseFile ?? IN_MEMORY, options.clock ?? systemClock);
  let base = '';
  const idOf = options.idOf ?? (() => administratorId);
  const service = { state, queueUrl: (name: string) => `${base}/${ACCOUNT_ID}/${name}`, idOf };
  const listener = jsonProtocol({
    contentType: 'application/x-amz-json-1.0',
    targetPrefix: 'AmazonSQS.',
    actions: ACTIONS,
    state: service,
    rights: sqsRights,
    permit: options.permit,
    validationCode: 'InvalidParameterValue',
    errorHeaders: queryErrorHeaders,
  });
  const server = await listenOnLoopback(listener, options.port, 'SQS');
  base = server.url;
  return { ...server, ...service, close: () => server.close().then(() => state.close()) };
}
