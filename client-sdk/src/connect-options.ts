import type { Plaintext, TlsOptions } from '@drc/protocol';
import type { Credentials } from './directory.js';

/** Who connects, and to which cluster managers. */
export interface ConnectOptions {
  /** Base address of the cluster manager, e.g. `https://cm.internal:7370`, or of each of several. */
  readonly clusterManager: string | readonly string[];
  readonly credentials: Credentials;
  /** How the certificates of managers and stores are checked, and what is shown to them. In PEM. */
  readonly tls?: TlsOptions;
  /**
   * `allow`: credentials and tickets may go without TLS to other machines, where everybody on the way can read them.
   * Default: `PLAINTEXT_REFUSED`, before anything is sent.
   */
  readonly plaintext?: Plaintext;
  /** Name of this client in the stores' logs, at most 100 characters. Default `drc-sdk`. */
  readonly client?: string;
  /** Aborting ends the hub and rejects the loops of all its subscriptions. */
  readonly signal?: AbortSignal;
}
