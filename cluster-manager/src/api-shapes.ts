import { z } from '@hono/zod-openapi';

/** What the shapes of all parts of the HTTP API are put together from. */

export const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** ms since 1970, below the year 10000: a moment in microseconds is a mistake. */
export const time = z.number().min(0).max(253_402_300_799_999);

const failure = z.object({
  error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }),
});

export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  content: { 'application/json': { schema } },
  description,
});

export const body = <T extends z.ZodType>(schema: T) => ({
  body: { content: { 'application/json': { schema } }, required: true },
});

export const failureOtherwise = { default: json(failure, 'A refusal; see the table of errors.') };

export const security = [{ bearer: [] }];
