import * as z from 'zod';

const errorSchema = z.object({
  ErrorMessage: z.string().optional(),
  ErrorType: z.string().optional(),
  ErrorData: z.string().optional(),
  StackTrace: z.array(z.string()).optional(),
});

/** What went wrong, as the durable execution SDK words it. */
export type ErrorObject = z.infer<typeof errorSchema>;

const updateSchema = z.object({
  Id: z.string().min(1),
  ParentId: z.string().optional(),
  Name: z.string().optional(),
  Type: z.enum(['EXECUTION', 'CONTEXT', 'STEP', 'WAIT', 'CALLBACK', 'CHAINED_INVOKE']),
  SubType: z.string().optional(),
  Action: z.enum(['START', 'SUCCEED', 'FAIL', 'RETRY', 'CANCEL']),
  Payload: z.string().optional(),
  Error: errorSchema.optional(),
  ContextOptions: z.object({ ReplayChildren: z.boolean().optional() }).optional(),
  StepOptions: z.object({ NextAttemptDelaySeconds: z.number().optional() }).optional(),
  WaitOptions: z.object({ WaitSeconds: z.number() }).optional(),
  CallbackOptions: z.object({ TimeoutSeconds: z.number().optional() }).optional(),
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

/** Body of StopDurableExecution. */
export const stopSchema = errorSchema;

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
  /** Not sent: what a chained invoke that is under way was called with, and when a callback times out. */
  Local: z
    .object({
      functionName: z.string().optional(),
      payload: z.string().optional(),
      timeoutTimestamp: z.number().optional(),
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
