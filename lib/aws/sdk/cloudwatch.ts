/** What is used of the SDK's client for CloudWatch. An `import()` of the package itself would bundle all of it. */
export {
  CloudWatchClient,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  ListTagsForResourceCommand,
} from '@aws-sdk/client-cloudwatch';
