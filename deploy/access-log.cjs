/** One JSON line for each request to the HTTP API: who asked for what and how it ended; no query, no body. Loaded by serverless.yml. */
const fields = {
  time: '$context.requestTime',
  requestId: '$context.requestId',
  method: '$context.httpMethod',
  path: '$context.path',
  status: '$context.status',
  bytes: '$context.responseLength',
  latencyMs: '$context.responseLatency',
  ip: '$context.identity.sourceIp',
  caller: '$context.identity.userArn',
  subject: '$context.authorizer.claims.sub',
  error: '$context.error.message',
  authorizerError: '$context.authorizer.error',
};

module.exports = async () => JSON.stringify(fields);
