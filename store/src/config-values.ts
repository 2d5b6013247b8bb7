import { z } from 'zod';
import { parseDuration } from './duration.js';

/** What a text means, with the fault of not meaning anything at its place. */
export const meant = <Output>(
  input: z.ZodType<string | number>,
  parse: (value: string | number) => Output,
): z.ZodType<Output> =>
  input.transform((value, context) => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: error instanceof Error ? error.message : 'not understood',
      });
      return z.NEVER;
    }
  });

export const textOrNumber = z.union([z.string(), z.number()], { error: 'must be a text or a number' });
export const duration = meant(textOrNumber, parseDuration);
export const positiveDuration = duration.refine((ms) => ms > 0, {
  error: 'must be longer than 0',
  abort: true,
});
export const text = z.string().min(1);
export const port = z.int().min(0).max(65_535);
