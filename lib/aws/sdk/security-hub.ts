/** What is used of the SDK's client for Security Hub. An `import()` of the package itself would bundle all of it. */
export { GetFindingsCommand, GetFindingsV2Command, SecurityHubClient } from '@aws-sdk/client-securityhub';
