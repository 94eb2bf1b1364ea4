import * as z from 'zod';
import { AwsError } from '../aws-error.ts';
import { type Clock, systemClock } from '../clock.ts';
import { IN_MEMORY } from '../database.ts';
import type { Deliver } from '../delivery.ts';
import { compilePattern } from '../event-bridge/pattern.ts';
import type { Permit } from '../iam/access-control.ts';
import { snsRights } from '../iam/required-rights.ts';
import { type Log, silentLog } from '../log.ts';
import { type LoopbackServer, listenOnLoopback } from '../loopback-server.ts';
import { queryAction, queryProtocol } from '../query-protocol.ts';
import { invalid, Message, publish, type SnsService } from './publish.ts';
import { type Subscription, Topics } from './topics.ts';

const attributes = z.record(z.string(), z.string()).default({});
const ofTopic = z.object({ TopicArn: z.string() });
const ofSubscription = z.object({ SubscriptionArn: z.string() });

const action = <Schema extends z.ZodType>(
  schema: Schema,
  run: (input: z.output<Schema>, service: SnsService) => object | undefined,
) => queryAction(schema, run);

const ACTIONS = {
  CreateTopic: action(
    z.object({ Name: z.string().regex(/^[\w-]{1,256}$|^[\w-]{1,251}\.fifo$/), Attributes: attributes }),
    ({ Name, Attributes }, { topics }) => ({ TopicArn: topics.ensure(Name, Attributes) }),
  ),
  DeleteTopic: action(ofTopic, ({ TopicArn }, { topics }) => {
    topics.delete(TopicArn);
    return undefined;
  }),
  ListTopics: action(z.unknown(), (_, { topics }) => ({
    Topics: { member: topics.list().map(({ arn }) => ({ TopicArn: arn })) },
  })),
  GetTopicAttributes: action(ofTopic, ({ TopicArn }, { topics }) => {
    const topic = topics.get(TopicArn);
    const confirmed = `${topics.subscriptions(TopicArn).length}`;
    return entries({ ...topic.attributes, TopicArn, SubscriptionsConfirmed: confirmed });
  }),
  Subscribe: action(
    ofTopic.extend({ Protocol: z.string(), Endpoint: z.string(), Attributes: attributes }),
    ({ TopicArn, Protocol, Endpoint, Attributes }, { topics }) => {
      if (Protocol !== 'sqs') throw invalid(`Protocol Reason: ${Protocol} is not known to the local stack`);
      if (Endpoint.endsWith('.fifo') && !TopicArn.endsWith('.fifo'))
        throw invalid('Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics');
      for (const [name, value] of Object.entries(Attributes)) checkAttribute(name, value);
      const added = { topicArn: TopicArn, protocol: Protocol, endpoint: Endpoint, attributes: Attributes };
      return { SubscriptionArn: topics.subscribe(added) };
    },
  ),
  Unsubscribe: action(ofSubscription, ({ SubscriptionArn }, { topics }) => {
    topics.unsubscribe(SubscriptionArn);
    return undefined;
  }),
  ListSubscriptions: action(z.unknown(), (_, { topics }) => listed(topics.subscriptions())),
  ListSubscriptionsByTopic: action(ofTopic, ({ TopicArn }, { topics }) => {
    topics.get(TopicArn);
    return listed(topics.subscriptions(TopicArn));
  }),
  GetSubscriptionAttributes: action(ofSubscription, ({ SubscriptionArn }, { topics }) => {
    const { arn, topic_arn, protocol, endpoint, attributes: own } = topics.subscription(SubscriptionArn);
    const named = { SubscriptionArn: arn, TopicArn: topic_arn, Protocol: protocol, Endpoint: endpoint };
    return entries({ RawMessageDelivery: 'false', ...own, ...named, PendingConfirmation: 'false' });
  }),
  SetSubscriptionAttributes: action(
    ofSubscription.extend({ AttributeName: z.string(), AttributeValue: z.string().default('') }),
    ({ SubscriptionArn, AttributeName, AttributeValue }, { topics }) => {
      checkAttribute(AttributeName, AttributeValue);
      topics.setAttribute(SubscriptionArn, AttributeName, AttributeValue);
      return undefined;
    },
  ),
  Publish: action(
    Message.extend({ TopicArn: z.string().optional(), TargetArn: z.string().optional() }),
    ({ TopicArn, TargetArn, ...message }, service) => ({
      MessageId: publish(service, TopicArn ?? TargetArn ?? '', message),
    }),
  ),
  PublishBatch: action(
    ofTopic.extend({ PublishBatchRequestEntries: z.array(Message.extend({ Id: z.string() })) }),
    ({ TopicArn, PublishBatchRequestEntries: all }, service) => publishBatch(service, TopicArn, all),
  ),
};

export type SnsOptions = {
  /** @default 0, a free one */
  readonly port?: number;
  /** SQLite file that keeps topics and subscriptions. @default in memory */
  readonly databaseFile?: string;
  readonly clock?: Clock;
  /** Takes what the subscribed queues are sent. */
  readonly deliver: Deliver;
  readonly log?: Log;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
};

export type LocalSns = LoopbackServer & {
  readonly topics: Topics;
  /** As Publish. @throws {AwsError} NotFound, InvalidParameter */
  publish(topicArn: string, message: Message): string;
};

/** Amazon SNS with queues as subscribers, for the real SDK. Signatures are not checked. */
export async function startSns(options: SnsOptions): Promise<LocalSns> {
  const { port, databaseFile = IN_MEMORY, clock = systemClock, deliver, log = silentLog } = options;
  const topics = new Topics(databaseFile);
  const service = { topics, clock, deliver, log };
  const listener = queryProtocol<SnsService>({
    xmlNamespace: 'http://sns.amazonaws.com/doc/2010-03-31/',
    actions: ACTIONS,
    state: service,
    rights: snsRights,
    permit: options.permit,
    validationCode: 'InvalidParameter',
  });
  const server = await listenOnLoopback(listener, port, 'SNS');
  return {
    ...server,
    topics,
    publish: (topicArn, message) => publish(service, topicArn, message),
    close: () => server.close().then(() => topics.close()),
  };
}

type Entry = Message & { readonly Id: string };

function publishBatch(service: SnsService, topicArn: string, entries: readonly Entry[]): object {
  service.topics.get(topicArn);
  if (entries.length === 0) throw new AwsError('EmptyBatchRequest', 'The batch request is empty.');
  if (entries.length > 10)
    throw new AwsError(
      'TooManyEntriesInBatchRequest',
      'The batch request contains more entries than permissible.',
    );
  if (new Set(entries.map(({ Id }) => Id)).size < entries.length)
    throw new AwsError(
      'BatchEntryIdsNotDistinct',
      'Two or more batch entries in the request have the same Id.',
    );
  const Successful: object[] = [];
  const Failed: object[] = [];
  for (const { Id, ...message } of entries) {
    try {
      Successful.push({ Id, MessageId: publish(service, topicArn, message) });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      Failed.push({ Id, Code: error.code, Message: error.message, SenderFault: true });
    }
  }
  return { Successful: { member: Successful }, Failed: { member: Failed } };
}

function checkAttribute(name: string, value: string): void {
  if (name === 'RawMessageDelivery' && !['true', 'false'].includes(value))
    throw invalid(`RawMessageDelivery Reason: ${value} is not a boolean`);
  if (name === 'FilterPolicy') compilePattern(value);
}

function listed(subscriptions: readonly Subscription[]): object {
  const member = subscriptions.map(({ arn, topic_arn, protocol, endpoint }) => ({
    SubscriptionArn: arn,
    Owner: arn.split(':')[4],
    Protocol: protocol,
    Endpoint: endpoint,
    TopicArn: topic_arn,
  }));
  return { Subscriptions: { member } };
}

function entries(attributes: Readonly<Record<string, string>>): object {
  return { Attributes: { entry: Object.entries(attributes).map(([key, value]) => ({ key, value })) } };
}
