import {
  CreateTopicCommand,
  DeleteTopicCommand,
  GetSubscriptionAttributesCommand,
  InvalidParameterException,
  ListSubscriptionsByTopicCommand,
  ListTopicsCommand,
  NotFoundException,
  PublishBatchCommand,
  PublishCommand,
  type PublishCommandInput,
  SetSubscriptionAttributesCommand,
  SNSClient,
  SubscribeCommand,
  UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AwsError } from '../../../../emulator/aws/aws-error.ts';
import type { Delivery } from '../../../../emulator/aws/delivery.ts';
import { startSns } from '../../../../emulator/aws/sns/sns.ts';

const queueArn = 'arn:aws:sqs:us-east-1:000000000000:events';

async function startTopic(refuse: (delivery: Delivery) => void = () => {}) {
  const delivered: Delivery[] = [];
  const deliver = (delivery: Delivery) => {
    refuse(delivery);
    delivered.push(delivery);
  };
  const server = await startSns({ deliver });
  const client = new SNSClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
  onTestFinished(async () => {
    client.destroy();
    await server.close();
  });
  const { TopicArn = '' } = await client.send(new CreateTopicCommand({ Name: 'alarms' }));
  return {
    client,
    delivered,
    TopicArn,
    async subscribe(Attributes: Record<string, string> = {}, Endpoint = queueArn) {
      const asked = new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes });
      return (await client.send(asked)).SubscriptionArn ?? '';
    },
    publish: (Message: string, more: Partial<PublishCommandInput> = {}) =>
      client.send(new PublishCommand({ TopicArn, Message, ...more })),
  };
}

const level = (StringValue: string) => ({ level: { DataType: 'String', StringValue } });

describe('SNS', () => {
  it('hands a message to a queue in an envelope', async () => {
    const { TopicArn, subscribe, publish, delivered } = await startTopic();
    await subscribe();
    const text = 'a "quoted"\nline, <&> é 🙂';
    const { MessageId } = await publish(text, { Subject: 'ALARM', MessageAttributes: level('high') });
    expect(delivered).toMatchObject([
      { service: 'sns.amazonaws.com', sourceArn: TopicArn, targetArn: queueArn, attributes: {} },
    ]);
    expect(JSON.parse(delivered[0]?.body ?? '')).toMatchObject({
      Type: 'Notification',
      MessageId,
      TopicArn,
      Subject: 'ALARM',
      Message: text,
      MessageAttributes: { level: { Type: 'String', Value: 'high' } },
    });
  });

  it('hands over the message itself, with its attributes, when the subscription is raw', async () => {
    const { subscribe, publish, delivered } = await startTopic();
    await subscribe({ RawMessageDelivery: 'true' });
    await publish('{"a":1}', { MessageAttributes: level('high') });
    expect(delivered).toMatchObject([
      { body: '{"a":1}', attributes: { level: { DataType: 'String', StringValue: 'high' } } },
    ]);
  });

  it('takes 256 KB with the attributes, and not a byte more, and no empty message', async () => {
    const { subscribe, publish, delivered } = await startTopic();
    await subscribe({ RawMessageDelivery: 'true' });
    const attributes = 'level'.length + 'String'.length + 'high'.length;
    const MessageAttributes = level('high');
    await publish('x'.repeat(262_144 - attributes), { MessageAttributes });
    await expect(publish('x'.repeat(262_145 - attributes), { MessageAttributes })).rejects.toThrow(
      'Message too long',
    );
    await expect(publish('')).rejects.toBeInstanceOf(InvalidParameterException);
    expect(delivered).toHaveLength(1);
  });

  it('lets through what the filter policy names, by attributes or by body', async () => {
    const { client, subscribe, publish, delivered } = await startTopic();
    const arn = await subscribe({ FilterPolicy: JSON.stringify({ level: ['high', { prefix: 'crit' }] }) });
    await publish('one', { MessageAttributes: level('high') });
    await publish('two', { MessageAttributes: level('low') });
    await publish('three');
    for (const [AttributeName, AttributeValue] of Object.entries({
      FilterPolicyScope: 'MessageBody',
      FilterPolicy: JSON.stringify({ state: ['ALARM'] }),
      RawMessageDelivery: 'true',
    }))
      await client.send(
        new SetSubscriptionAttributesCommand({ SubscriptionArn: arn, AttributeName, AttributeValue }),
      );
    await publish('{"state":"ALARM"}');
    await publish('{"state":"OK"}');
    await publish('ALARM');
    expect(
      delivered.map(({ body }) => (body.startsWith('{"Type"') ? JSON.parse(body).Message : body)),
    ).toEqual(['one', '{"state":"ALARM"}']);
  });

  it('sends what the queue refuses to the dead-letter queue of the subscription', async () => {
    const { subscribe, publish, delivered } = await startTopic(({ targetArn }) => {
      if (targetArn === queueArn) throw new AwsError('NO_PERMISSIONS', 'refused', 403);
    });
    await subscribe({ RedrivePolicy: JSON.stringify({ deadLetterTargetArn: `${queueArn}-dlq` }) });
    await publish('lost?');
    expect(delivered.map(({ targetArn }) => targetArn)).toEqual([`${queueArn}-dlq`]);
  });

  it('takes a text for queues out of a structured message', async () => {
    const { subscribe, publish, delivered } = await startTopic();
    await subscribe({ RawMessageDelivery: 'true' });
    await publish(JSON.stringify({ default: 'd', sqs: 's' }), { MessageStructure: 'json' });
    await publish(JSON.stringify({ default: 'd' }), { MessageStructure: 'json' });
    await expect(publish('{"sqs":"s"}', { MessageStructure: 'json' })).rejects.toThrow('No default entry');
    expect(delivered.map(({ body }) => body)).toEqual(['s', 'd']);
  });

  it('publishes a batch, each entry by itself', async () => {
    const { client, TopicArn, subscribe, delivered } = await startTopic();
    await subscribe({ RawMessageDelivery: 'true' });
    const PublishBatchRequestEntries = [
      { Id: 'a', Message: 'one' },
      { Id: 'b', Message: '' },
      { Id: 'c', Message: 'three', MessageAttributes: level('high') },
    ];
    const { Successful, Failed } = await client.send(
      new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }),
    );
    expect(Successful?.map(({ Id }) => Id)).toEqual(['a', 'c']);
    expect(Failed).toMatchObject([{ Id: 'b', Code: 'InvalidParameter', SenderFault: true }]);
    expect(delivered.map(({ body }) => body)).toEqual(['one', 'three']);
  });

  it('finds a subscription again, lists it, and ends it', async () => {
    const { client, TopicArn, subscribe, publish, delivered } = await startTopic();
    const arn = await subscribe();
    expect(await subscribe()).toBe(arn);
    await expect(subscribe({ RawMessageDelivery: 'true' })).rejects.toThrow(
      'already exists with different attributes',
    );
    const list = await client.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
    expect(list.Subscriptions).toMatchObject([{ SubscriptionArn: arn, Endpoint: queueArn, Protocol: 'sqs' }]);
    const { Attributes } = await client.send(new GetSubscriptionAttributesCommand({ SubscriptionArn: arn }));
    expect(Attributes).toMatchObject({ PendingConfirmation: 'false', RawMessageDelivery: 'false' });
    await client.send(new UnsubscribeCommand({ SubscriptionArn: arn }));
    await publish('no subscriber');
    expect(delivered).toEqual([]);
  });

  it('answers NotFoundException for a topic that is not there', async () => {
    const { client, TopicArn, publish } = await startTopic();
    expect((await client.send(new ListTopicsCommand({}))).Topics).toEqual([{ TopicArn }]);
    await client.send(new DeleteTopicCommand({ TopicArn }));
    await expect(publish('x')).rejects.toBeInstanceOf(NotFoundException);
  });

  it('keeps a FIFO queue off a standard topic', async () => {
    const { subscribe } = await startTopic();
    await expect(subscribe({}, `${queueArn}.fifo`)).rejects.toThrow(
      'can not be subscribed to standard SNS topics',
    );
  });
});
