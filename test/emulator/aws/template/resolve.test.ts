// biome-ignore-all lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholders
import { describe, expect, it } from 'vitest';
import { createResolver } from '../../../../emulator/aws/template/resolve.ts';

const template = {
  Parameters: { Stage: { Default: 'dev' }, Open: {} },
  Conditions: {
    Yes: { 'Fn::Equals': ['true', true] },
    No: { 'Fn::Not': [{ Condition: 'Yes' }] },
    Both: { 'Fn::And': [{ Condition: 'Yes' }, { Condition: 'No' }] },
    Either: { 'Fn::Or': [{ Condition: 'Yes' }, { Condition: 'No' }] },
  },
  Resources: {
    Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { 'Fn::Join': ['-', ['my', 'queue']] } } },
    Unnamed: {
      Type: 'AWS::SQS::Queue',
      Properties: { QueueName: { 'Fn::If': ['No', 'x', { Ref: 'AWS::NoValue' }] } },
    },
    Ordered: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } },
    Bucket: { Type: 'AWS::S3::Bucket', Properties: { BucketName: { 'Fn::Sub': 'drop-${AWS::AccountId}' } } },
    Function: { Type: 'AWS::Lambda::Function', Properties: { FunctionName: 'fn' } },
    Alias: { Type: 'AWS::Lambda::Alias', Properties: { FunctionName: { Ref: 'Function' }, Name: 'live' } },
    Table: { Type: 'AWS::DynamoDB::Table', Properties: {} },
  },
};

const { resolve, exists } = createResolver(template, {
  region: 'eu-west-1',
  accountId: '123456789012',
  sqsEndpoint: 'http://127.0.0.1:4566',
  imports: { shared: 'from elsewhere' },
});

describe('the resolver', () => {
  it.each([
    [{ Ref: 'Queue' }, 'http://127.0.0.1:4566/123456789012/my-queue'],
    [{ 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:aws:sqs:eu-west-1:123456789012:my-queue'],
    [{ 'Fn::GetAtt': 'Queue.QueueName' }, 'my-queue'],
    [{ 'Fn::GetAtt': 'Unnamed.QueueName' }, 'Unnamed'],
    [{ 'Fn::GetAtt': ['Ordered', 'Arn'] }, 'arn:aws:sqs:eu-west-1:123456789012:Ordered.fifo'],
    [{ Ref: 'Stage' }, 'dev'],
    [{ 'Fn::Sub': 'for ${Stage}' }, 'for dev'],
    [{ Ref: 'Bucket' }, 'drop-123456789012'],
    [{ 'Fn::Sub': '${Bucket.Arn}/imports/*' }, 'arn:aws:s3:::drop-123456789012/imports/*'],
    [{ Ref: 'Table' }, 'Table'],
    [{ 'Fn::GetAtt': ['Table', 'Arn'] }, 'arn:aws:dynamodb:eu-west-1:123456789012:table/Table'],
    [{ Ref: 'Alias' }, 'arn:aws:lambda:eu-west-1:123456789012:function:fn:live'],
    [
      { 'Fn::Sub': ['${Word} in ${AWS::Region}, ${!kept}', { Word: { Ref: 'Function' } }] },
      'fn in eu-west-1, ${kept}',
    ],
    [{ 'Fn::Select': ['1', { 'Fn::Split': [':', 'a:b:c'] }] }, 'b'],
    [{ 'Fn::ImportValue': 'shared' }, 'from elsewhere'],
    [{ 'Fn::If': ['Yes', 'then', { Ref: 'Nothing' }] }, 'then'],
    [{ 'Fn::If': ['Both', 'then', { 'Fn::If': ['Either', 'or', 'else'] }] }, 'or'],
  ])('makes %j what CloudFormation would make of it', (value, plain) => {
    expect(resolve(value)).toEqual(plain);
  });

  it.each([
    ['3', 'a:b:c'],
    ['0', ''],
  ])('refuses to select entry %s of "%s", as it is not there or empty', (index, text) => {
    expect(() => resolve({ 'Fn::Select': [index, { 'Fn::Split': [':', text] }] })).toThrow(
      `Fn::Select: there is no entry ${index}`,
    );
  });

  it('leaves out what is AWS::NoValue, in lists and in objects', () => {
    const nothing = { 'Fn::If': ['No', 'there', { Ref: 'AWS::NoValue' }] };
    expect(resolve({ a: nothing, b: [1, nothing, 2] })).toEqual({ b: [1, 2] });
  });

  it('takes the Condition of a policy statement for what it is', () => {
    const statement = { Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
    expect(resolve(statement)).toEqual(statement);
  });

  it('knows which resources a condition leaves out', () => {
    const resource = { Type: 'AWS::SQS::Queue', Properties: {} };
    expect([
      exists(resource),
      exists({ ...resource, Condition: 'Yes' }),
      exists({ ...resource, Condition: 'No' }),
    ]).toEqual([true, true, false]);
  });

  it.each([
    [{ Ref: 'Nothing' }, 'Nothing is not in the template'],
    [{ 'Fn::GetAtt': ['Table', 'StreamArn'] }, 'StreamArn of AWS::DynamoDB::Table'],
    [{ 'Fn::ImportValue': 'unknown' }, 'Fn::ImportValue unknown'],
    [{ 'Fn::Cidr': [] }, 'Fn::Cidr is not known'],
    [{ 'Fn::If': ['Maybe', 1, 2] }, 'Condition Maybe'],
  ])('refuses %j and names it', (value, message) => {
    expect(() => resolve(value)).toThrow(message);
  });
});
