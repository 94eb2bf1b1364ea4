import * as z from 'zod';

export const outsideSchema = z.object({
  s3: z.string(),
  instance: z.object({ url: z.string(), username: z.string(), password: z.string() }),
});

/** Where the other process serves S3 and the instance. */
export type Outside = z.infer<typeof outsideSchema>;
