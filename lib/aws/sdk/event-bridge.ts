/** What is used of the SDK's client for EventBridge. An `import()` of the package itself would bundle all of it. */
export { DescribeRuleCommand, EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
