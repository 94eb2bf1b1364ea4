import * as z from 'zod';

export const instanceSchema = z.object({ url: z.string(), username: z.string(), password: z.string() });

/** Where other processes serve S3 and the instance. */
export type Outside = { readonly s3: string; readonly instance: z.infer<typeof instanceSchema> };
