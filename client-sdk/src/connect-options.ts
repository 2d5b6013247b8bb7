import type { Credentials } from './directory.js';

/** Who connects, and to which cluster managers. */
export interface ConnectOptions {
  /** Base address of the cluster manager, e.g. `http://127.0.0.1:7370`, or of each of several. */
  readonly clusterManager: string | readonly string[];
  readonly credentials: Credentials;
  /** Name of this client in the stores' logs, at most 100 characters. Default `drc-sdk`. */
  readonly client?: string;
  /** Aborting ends the hub and rejects the loops of all its subscriptions. */
  readonly signal?: AbortSignal;
}
