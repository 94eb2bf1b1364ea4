import * as z from 'zod';

const errorSchema = z.object({
  ErrorMessage: z.string().optional(),
  ErrorType: z.string().optional(),
  ErrorData: z.string().optional(),
  StackTrace: z.array(z.string()).optional(),
});

/** What went wrong, as the durable execution SDK words it. */
export type ErrorObject = z.infer<typeof errorSchema>;

const operationId = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/);
/** A wait, delay or time-out of at most a leap year. */
const seconds = z.int().max(31_622_400);

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_OperationUpdate.html */
const updateSchema = z.object({
  Id: operationId,
  ParentId: operationId.optional(),
  Name: z
    .string()
    .regex(/^[\x20-\x7e]{1,256}$/)
    .optional(),
  Type: z.enum(['EXECUTION', 'CONTEXT', 'STEP', 'WAIT', 'CALLBACK', 'CHAINED_INVOKE']),
  SubType: z.string().optional(),
  Action: z.enum(['START', 'SUCCEED', 'FAIL', 'RETRY', 'CANCEL']),
  Payload: z.string().optional(),
  Error: errorSchema.optional(),
  ContextOptions: z.object({ ReplayChildren: z.boolean().optional() }).optional(),
  StepOptions: z.object({ NextAttemptDelaySeconds: seconds.min(0).optional() }).optional(),
  WaitOptions: z.object({ WaitSeconds: seconds.min(1) }).optional(),
  CallbackOptions: z
    .object({
      TimeoutSeconds: seconds.min(0).optional(),
      HeartbeatTimeoutSeconds: seconds.min(0).optional(),
    })
    .optional(),
  ChainedInvokeOptions: z.object({ FunctionName: z.string() }).optional(),
});

/** One change that a running function asks for in a checkpoint. */
export type OperationUpdate = z.infer<typeof updateSchema>;

/** Body of CheckpointDurableExecution. */
export const checkpointSchema = z.object({
  CheckpointToken: z.string(),
  ClientToken: z.string().optional(),
  Updates: z.array(updateSchema).default([]),
});

export type CheckpointRequest = z.infer<typeof checkpointSchema>;

/** What a durable function answers at the end of one invocation. */
export const invocationResultSchema = z.discriminatedUnion('Status', [
  z.object({ Status: z.literal('SUCCEEDED'), Result: z.string().optional() }),
  z.object({ Status: z.literal('FAILED'), Error: errorSchema.optional() }),
  z.object({ Status: z.literal('PENDING') }),
]);

/** Body of StopDurableExecution and of SendDurableExecutionCallbackFailure. */
export const errorBodySchema = errorSchema;

const operationSchema = z.object({
  Id: z.string(),
  ParentId: z.string().optional(),
  Name: z.string().optional(),
  Type: updateSchema.shape.Type,
  SubType: z.string().optional(),
  Status: z.enum(['STARTED', 'PENDING', 'READY', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT', 'STOPPED']),
  /** Times are seconds since the epoch, with fractions, as on the wire. */
  StartTimestamp: z.number(),
  EndTimestamp: z.number().optional(),
  ExecutionDetails: z.object({ InputPayload: z.string() }).optional(),
  ContextDetails: z
    .object({
      ReplayChildren: z.boolean().optional(),
      Result: z.string().optional(),
      Error: errorSchema.optional(),
    })
    .optional(),
  StepDetails: z
    .object({
      /** Attempts that ended. */
      Attempt: z.number(),
      NextAttemptTimestamp: z.number().optional(),
      Result: z.string().optional(),
      Error: errorSchema.optional(),
    })
    .optional(),
  WaitDetails: z.object({ ScheduledEndTimestamp: z.number() }).optional(),
  CallbackDetails: z
    .object({ CallbackId: z.string(), Result: z.string().optional(), Error: errorSchema.optional() })
    .optional(),
  ChainedInvokeDetails: z.object({ Result: z.string().optional(), Error: errorSchema.optional() }).optional(),
  /** Not sent: what a chained invoke that is under way was called with, and the time-outs of a callback. */
  Local: z
    .object({
      functionName: z.string().optional(),
      payload: z.string().optional(),
      timeoutTimestamp: z.number().optional(),
      heartbeatSeconds: z.number().optional(),
      heartbeatTimestamp: z.number().optional(),
    })
    .optional(),
});

/** One operation of an execution: what has been done, or is under way. */
export type Operation = z.infer<typeof operationSchema>;

/** Reads an operation that was stored as JSON. */
export function parseOperation(json: string): Operation {
  return operationSchema.parse(JSON.parse(json));
}

/** An operation as the Lambda API sends it. */
export function toWire({ Local: _, ...operation }: Operation): Omit<Operation, 'Local'> {
  return operation;
}
