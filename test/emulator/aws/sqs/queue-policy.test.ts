import { describe, expect, it } from 'vitest';
import { letsSend } from '../../../../emulator/aws/sqs/queue-policy.ts';

const ruleArn = 'arn:aws:events:us-east-1:111122223333:rule/alarms';
const sender = { service: 'events.amazonaws.com', sourceArn: ruleArn };
const tlsOnly = {
  Effect: 'Deny',
  Principal: '*',
  Action: 'sqs:*',
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
};
const allow = (Condition: object, more: object = {}) => ({
  Effect: 'Allow',
  Principal: { Service: 'events.amazonaws.com' },
  Action: 'sqs:SendMessage',
  Condition,
  ...more,
});
const policy = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });

describe('the policy of a queue', () => {
  it.each([
    ['the ARN of the rule', allow({ ArnEquals: { 'aws:SourceArn': ruleArn } })],
    ['one of several ARNs', allow({ ArnEquals: { 'aws:SourceArn': ['arn:aws:events:x', ruleArn] } })],
    ['a pattern', allow({ ArnLike: { 'aws:SourceArn': 'arn:aws:events:*:111122223333:rule/*' } })],
    ['the account', allow({ StringEquals: { 'aws:SourceAccount': '111122223333' } })],
    ['several actions', allow({}, { Action: ['sqs:ReceiveMessage', 'SQS:SendMessage'] })],
  ])('lets a rule send by %s', (_, statement) => {
    expect(letsSend(policy(tlsOnly, statement), sender)).toBe(true);
  });

  it.each([
    ['there is none', undefined],
    ['nothing allows it', policy(tlsOnly)],
    ['it names another rule', policy(allow({ ArnEquals: { 'aws:SourceArn': `${ruleArn}-2` } }))],
    ['it names another service', policy(allow({}, { Principal: { Service: 'sns.amazonaws.com' } }))],
    ['it names another account', policy(allow({ StringEquals: { 'aws:SourceAccount': '444455556666' } }))],
    [
      'one of two conditions fails',
      policy(allow({ ArnEquals: { 'aws:SourceArn': ruleArn }, StringEquals: { 'aws:SourceAccount': '1' } })),
    ],
    ['it allows something else', policy(allow({}, { Action: 'sqs:ReceiveMessage' }))],
    ['its condition is unknown here', policy(allow({ DateGreaterThan: { 'aws:CurrentTime': '2020' } }))],
    [
      'a denial applies too',
      policy(allow({}), { ...tlsOnly, Condition: { Bool: { 'aws:SecureTransport': 'true' } } }),
    ],
  ])('lets a rule send nothing when %s', (_, text) => {
    expect(letsSend(text, sender)).toBe(false);
  });
});
