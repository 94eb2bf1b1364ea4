import * as z from 'zod';

const routeSchema = z.object({
  RouteKey: z.string(),
  Target: z.string(),
  AuthorizationType: z.string().default('NONE'),
});

const integrationSchema = z.object({
  IntegrationUri: z.string(),
  TimeoutInMillis: z.coerce.number().default(30_000),
});

/** One route of the HTTP API. */
export type HttpRoute = {
  readonly method: string;
  /** e.g. `/api/now/table/{tableName}`. */
  readonly path: string;
  readonly functionArn: string;
  readonly integrationTimeoutMs: number;
  /** What a deployment asks for: `AWS_IAM`, `JWT` or `NONE`. */
  readonly authorizationType: string;
};

/**
 * Reads the resolved properties of an AWS::ApiGatewayV2::Route.
 * @param integrations the properties of the integrations, by logical id
 * @throws Error for a route that leads nowhere
 */
export function httpRoute(properties: unknown, integrations: ReadonlyMap<string, unknown>): HttpRoute {
  const { RouteKey, Target, AuthorizationType } = routeSchema.parse(properties);
  const { data: integration } = integrationSchema.safeParse(
    integrations.get(Target.replace('integrations/', '')),
  );
  if (integration === undefined)
    throw new Error(`Route ${RouteKey}: its target ${Target} is not in the template`);
  const [method = '', path = ''] = RouteKey.split(' ');
  return {
    method,
    path,
    functionArn: integration.IntegrationUri,
    integrationTimeoutMs: integration.TimeoutInMillis,
    authorizationType: AuthorizationType,
  };
}
