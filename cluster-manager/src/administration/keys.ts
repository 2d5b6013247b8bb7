import type { AdministrationContext } from './context.js';

/** A signing key that was made. */
export interface RotatedKey {
  readonly kid: string;
  /** The key in use until the stores have learnt the new one. */
  readonly before: string;
}

export interface KeyCalls {
  /**
   * Makes this manager a new signing key. It is announced at once, and used once the stores have had three leases' time to
   * learn it (of a stopped manager: after its start); the old one stays good until the last login token and ticket that
   * it signed is over. `REQUEST_INVALID` while an earlier rotation is under way.
   */
  rotate(): Promise<RotatedKey>;
}

export class KeyAdministration implements KeyCalls {
  readonly #context: AdministrationContext;

  constructor(context: AdministrationContext) {
    this.#context = context;
  }

  async rotate(): Promise<RotatedKey> {
    const { signingKeys, turns, changed } = this.#context;
    return turns.take(async () => {
      const before = signingKeys.current.kid;
      const { kid } = await signingKeys.rotate();
      changed({ event: 'key.rotate', subject: kid, before: { kid: before }, after: { kid } });
      return { kid, before };
    });
  }
}
