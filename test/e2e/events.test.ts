import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import {
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import {
  type AlarmState,
  alarmEvent,
  alarmNotification,
  putAlarm,
  secondsUntilNow,
  setAlarm,
  signalOf,
} from './alarms.ts';
import { call, changeByHand, endpoints, held, invoke, sqs, uniqueWord } from './running-stack.ts';

const local = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const eventBridge = new EventBridgeClient({ ...local, endpoint: endpoints.eventBridge.endpoint });
const sns = new SNSClient({ ...local, endpoint: endpoints.sns.endpoint });
const cloudWatch = new CloudWatchClient({ ...local, endpoint: endpoints.cloudWatch.endpoint });

const { eventsQueueUrl = '', eventsDlqUrl = '', signalsQueueUrl = '' } = endpoints.sqs;
const { topicArn: TopicArn = '' } = endpoints.sns;

const arnOf = (queueUrl: string) => `arn:aws:sqs:us-east-1:000000000000:${queueUrl.split('/').at(-1)}`;

/** Puts an event on the bus as CloudWatch does. */
async function put(name: string, state: AlarmState, atSeconds: number): Promise<void> {
  const { source, 'detail-type': DetailType, detail, resources, time } = alarmEvent(name, state, atSeconds);
  const entry = {
    Source: source,
    DetailType,
    Detail: JSON.stringify(detail),
    Resources: resources,
    Time: new Date(time),
  };
  const { FailedEntryCount } = await eventBridge.send(
    new PutEventsCommand({ Entries: [{ ...entry, EventBusName: endpoints.eventBridge.bus }] }),
  );
  expect(FailedEntryCount).toBe(0);
}

const incidentsOf = (word: string) => held('incident', `short_descriptionLIKE${word}^ORDERBYnumber`);

/** The incidents whose short description holds the word, once their states are these, by number. */
async function untilStates(word: string, ...states: string[]) {
  return until(async () => {
    const found = await incidentsOf(word);
    expect(found.map(({ state }) => state)).toEqual(states);
    return found;
  });
}

describe('an alarm', () => {
  it('opens an incident, resolves it, opens it again, and opens a new one after a person closed it', async () => {
    const name = uniqueWord();
    await put(name, 'ALARM', 0);
    const [opened] = await untilStates(name, '1');
    await put(name, 'OK', 60);
    await untilStates(name, '6');
    await put(name, 'ALARM', 120);
    const [again] = await untilStates(name, '2');
    expect(again).toMatchObject({ number: opened?.['number'], reopen_count: '1' });
    const closing = { state: '7', close_code: 'Solution provided', close_notes: 'Replaced the disk.' };
    await changeByHand('incident', opened?.['sys_id'], closing);
    // A state from before the end that a person set would change nothing.
    await put(name, 'ALARM', 86_400);
    await put(name, 'ALARM', secondsUntilNow() + 1);
    const [, next] = await untilStates(name, '7', '1');
    const notes = await held('sys_journal_field', `element_id=${next?.['sys_id']}^element=work_notes`);
    expect(notes.map(({ value }) => value).join()).toContain(String(opened?.['number']));
  });

  it('is one incident, whether it comes by EventBridge, through the topic or raw, and however often', async () => {
    const name = uniqueWord();
    const Message = JSON.stringify(alarmNotification(name, 'ALARM', 0));
    await sns.send(new PublishCommand({ TopicArn, Message, Subject: `ALARM: "${name}"` }));
    await untilStates(name, '1');
    await sqs.send(new SendMessageCommand({ QueueUrl: eventsQueueUrl, MessageBody: Message }));
    await put(name, 'ALARM', 0);
    await put(name, 'ALARM', 0);
    await put(name, 'OK', 60);
    await untilStates(name, '6');
  });

  it('that goes off in CloudWatch itself opens an incident', async () => {
    const AlarmName = uniqueWord();
    await putAlarm(cloudWatch, AlarmName, [TopicArn]);
    await setAlarm(cloudWatch, AlarmName, 'ALARM');
    await untilStates(AlarmName, '1');
    await setAlarm(cloudWatch, AlarmName, 'OK');
    await untilStates(AlarmName, '6');
  });
});

describe('a rule of the user', () => {
  it('makes a signal of any event with an input transformer', async () => {
    const word = uniqueWord();
    const Name = `backups-${word}`;
    await eventBridge.send(
      new PutRuleCommand({ Name, EventPattern: JSON.stringify({ source: [`com.example.${word}`] }) }),
    );
    const InputTransformer = {
      InputPathsMap: { plan: '$.detail.plan', time: '$.time', id: '$.id' },
      InputTemplate: JSON.stringify({
        ...signalOf({ source: 'backup-plans', key: '<plan>', at: '<time>', eventId: '<id>' }),
        fields: { short_description: 'Backup <plan> failed' },
      }),
    };
    const target = { Id: 'events', Arn: arnOf(eventsQueueUrl), InputTransformer };
    await eventBridge.send(new PutTargetsCommand({ Rule: Name, Targets: [target] }));
    const Detail = JSON.stringify({ plan: word });
    await eventBridge.send(
      new PutEventsCommand({ Entries: [{ Source: `com.example.${word}`, DetailType: 'Backup', Detail }] }),
    );
    const [incident] = await untilStates(word, '1');
    expect(incident).toMatchObject({ short_description: `Backup ${word} failed`, correlation_id: word });
  });
});

describe('a topic of the user', () => {
  it.each([
    ['raw', 'true'],
    ['wrapped', 'false'],
  ])('may send %s messages to the events queue', async (_, RawMessageDelivery) => {
    const name = uniqueWord();
    const { TopicArn: own } = await sns.send(new CreateTopicCommand({ Name: `own-${name}` }));
    const Endpoint = arnOf(eventsQueueUrl);
    await sns.send(
      new SubscribeCommand({ TopicArn: own, Protocol: 'sqs', Endpoint, Attributes: { RawMessageDelivery } }),
    );
    const Message = JSON.stringify(alarmEvent(name, 'ALARM', 0));
    await sns.send(new PublishCommand({ TopicArn: own, Message }));
    await untilStates(name, '1');
  });
});

describe('an event that cannot be mapped', () => {
  it('goes to the dead-letter queue with the reason, and holds up no other', async () => {
    const word = uniqueWord();
    await sqs.send(new SendMessageCommand({ QueueUrl: eventsQueueUrl, MessageBody: `{"poison":"${word}"` }));
    await put(word, 'ALARM', 0);
    await untilStates(word, '1');
    const ask = new ReceiveMessageCommand({
      QueueUrl: eventsDlqUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 1,
      MessageAttributeNames: ['All'],
    });
    const letter = await until(async () => {
      const found = ((await sqs.send(ask)).Messages ?? []).find(({ Body }) => Body?.includes(word));
      if (!found) throw new Error('no dead letter');
      return found;
    });
    expect(letter.MessageAttributes?.['ErrorMessage']?.StringValue).toContain('is not valid JSON');
  });
});

describe('a signal', () => {
  const open = (key: string) => ({
    ...signalOf({ source: 'scripts', key, at: '2026-11-01T08:00:00Z', eventId: `${key}-1` }),
    fields: { short_description: `Script ${key} failed` },
  });

  it('is taken over HTTP and by a direct Invoke', async () => {
    const [posted, invoked] = [uniqueWord(), uniqueWord()];
    const { action: _, ...body } = open(posted);
    expect(await call('POST', '/signals', body)).toMatchObject({
      status: 202,
      body: { result: { messageId: expect.any(String) } },
    });
    const { action: __, ...event } = open(invoked);
    expect((await invoke('postSignal', event)).data).toMatchObject({
      result: { messageId: expect.any(String) },
    });
    await untilStates(posted, '1');
    await untilStates(invoked, '1');
  });

  it('is taken from the FIFO queue itself', async () => {
    const word = uniqueWord();
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: signalsQueueUrl,
        MessageBody: JSON.stringify(open(word)),
        MessageGroupId: word,
        MessageDeduplicationId: word,
      }),
    );
    await untilStates(word, '1');
  });

  it('opens, resolves and reopens a security incident', async () => {
    const word = uniqueWord();
    const more = {
      ...{ target: 'sn_si_incident', fields: { short_description: `Finding ${word}` } },
      ...{
        resolve: { state: '100', close_notes: 'gone' },
        reopen: { within: 'PT4H', state: '16', atMost: 5 },
      },
    };
    const about = { source: 'scanner', key: word };
    const states: readonly (readonly [signal: string, state: string])[] = [
      ['open', '10'],
      ['resolve', '100'],
      ['open', '16'],
    ];
    for (const [index, [signal, state]] of states.entries()) {
      const at = `2026-11-01T08:0${index}:00Z`;
      const { action: _, ...body } = {
        ...signalOf({ ...about, at, eventId: `${word}-${index}` }),
        ...more,
        signal,
      };
      expect(await call('POST', '/signals', body)).toMatchObject({ status: 202 });
      await until(async () => {
        const found = await held('sn_si_incident', `short_descriptionLIKE${word}`);
        expect(found).toMatchObject([{ state, number: expect.stringMatching(/^SIR/) }]);
      });
    }
  });

  it('that is wrong is refused by name of the field', async () => {
    const answer = await call('POST', '/signals', { ...open('x'), action: 'signal', at: 'yesterday' });
    expect(answer).toMatchObject({ status: 400 });
    expect(JSON.stringify(answer.body)).toContain('at');
  });
});
