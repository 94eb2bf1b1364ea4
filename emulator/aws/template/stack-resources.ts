import { rolePolicy } from '../iam/role-policy.ts';
import {
  type EventRule,
  eventRule,
  queuePolicies,
  type SnsResources,
  subscription,
} from './event-resources.ts';
import { type LambdaFunction, lambdaFunction } from './lambda-functions.ts';
import type { TemplateContext } from './physical-names.ts';
import { createResolver } from './resolve.ts';
import {
  type Bucket,
  bucket,
  type EventSourceMapping,
  eventSourceMapping,
  type HttpRoute,
  httpRoute,
  type Queue,
  queue,
  type Table,
  table,
} from './resources.ts';
import { readTemplate, type Template } from './template.ts';

/** What a packaged template asks for, as far as it exists on one machine. */
export type StackResources = {
  readonly functions: readonly LambdaFunction[];
  readonly routes: readonly HttpRoute[];
  readonly queues: readonly Queue[];
  readonly eventSourceMappings: readonly EventSourceMapping[];
  readonly buckets: readonly Bucket[];
  readonly tables: readonly Table[];
  readonly rules: readonly EventRule[];
  readonly sns: SnsResources;
};

/** Reads the template in `templateFile` with every reference resolved for `context`. */
export async function readStackResources(
  templateFile: string,
  context: TemplateContext,
): Promise<StackResources> {
  return stackResources(await readTemplate(templateFile), context);
}

/** As `readStackResources`, for a template that is in hand. */
export function stackResources(template: Template, context: TemplateContext): StackResources {
  const { resolve, exists } = createResolver(template, context);
  const ofType = (type: string) =>
    Object.entries(template.Resources)
      .filter(([, resource]) => resource.Type === type && exists(resource))
      .map(([id, { Properties }]) => ({ id, properties: resolve(Properties) }));
  const ref = (id: string) => String(resolve({ Ref: id }));
  const arn = (id: string) => String(resolve({ 'Fn::GetAtt': [id, 'Arn'] }));
  const integrations = new Map(
    ofType('AWS::ApiGatewayV2::Integration').map(({ id, properties }) => [id, properties]),
  );
  const policies = queuePolicies(ofType('AWS::SQS::QueuePolicy').map(({ properties }) => properties));
  const aliases = ofType('AWS::Lambda::Alias').map(({ properties }) => properties);
  const roles = new Map(
    ofType('AWS::IAM::Role').map(({ id, properties }) => [arn(id), rolePolicy(Object(properties).Policies)]),
  );
  return {
    functions: ofType('AWS::Lambda::Function').map(({ id, properties }) =>
      lambdaFunction(arn(id), properties, aliases, roles),
    ),
    routes: ofType('AWS::ApiGatewayV2::Route').map(({ properties }) => httpRoute(properties, integrations)),
    queues: ofType('AWS::SQS::Queue').map(({ id, properties }) =>
      queue(arn(id), ref(id), properties, policies.get(ref(id))),
    ),
    eventSourceMappings: ofType('AWS::Lambda::EventSourceMapping').flatMap(({ properties }) =>
      eventSourceMapping(properties),
    ),
    buckets: ofType('AWS::S3::Bucket').map(({ id, properties }) => bucket(ref(id), properties)),
    tables: ofType('AWS::DynamoDB::Table').map(({ id, properties }) => table(ref(id), properties)),
    rules: ofType('AWS::Events::Rule').map(({ id, properties }) => eventRule(id, properties)),
    sns: {
      topicArns: ofType('AWS::SNS::Topic').map(({ id }) => ref(id)),
      subscriptions: ofType('AWS::SNS::Subscription').map(({ properties }) => subscription(properties)),
    },
  };
}
