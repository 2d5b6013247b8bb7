import type { HttpBindings } from '@hono/node-server';

/** What a handler of the API finds in its context. */
export interface ApiEnv {
  Bindings: HttpBindings;
  Variables: {
    principal?: string;
    /** The refusal has its line in the audit log already. */
    audited?: boolean;
  };
}
