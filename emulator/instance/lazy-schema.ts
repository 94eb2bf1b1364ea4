import { createRequire } from 'node:module';
import type * as z from 'zod';

export type Zod = typeof z;

const require = createRequire(import.meta.url);

/** zod, loaded by the first who asks for it: that takes a quarter of an instance's start, and few runs check anything. */
export const zod = (): Zod => require('zod');

/** A schema that is put together when the first value is checked against it. */
export function lazySchema<Shape extends z.ZodType>(define: (zod: Zod) => Shape): () => Shape {
  let shape: Shape | undefined;
  return () => {
    shape ??= define(zod());
    return shape;
  };
}
