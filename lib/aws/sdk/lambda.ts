/** What the doctor uses of the SDK's client for Lambda. An `import()` of the package itself would bundle all of it. */
export {
  GetAccountSettingsCommand,
  GetEventSourceMappingCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
