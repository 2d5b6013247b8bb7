import type { SpecHub } from './spec-hub.js';

/** Undefined until source, store, manager and SDK can be started together. */
export const startSpecHub: (() => Promise<SpecHub>) | undefined = undefined;
