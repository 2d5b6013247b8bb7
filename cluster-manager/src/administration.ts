import { GrantAdministration, type GrantCalls } from './administration/grants.js';
import { KeyAdministration, type KeyCalls } from './administration/keys.js';
import { MachineKeyAdministration, type MachineKeyCalls } from './administration/machine-keys.js';
import { ReaderAdministration, type ReaderCalls } from './administration/readers.js';
import { RoleAdministration, type RoleCalls } from './administration/roles.js';
import { TokenAdministration, type TokenCalls } from './administration/tokens.js';
import { UserAdministration, type UserCalls } from './administration/users.js';
import { Turns, type AdministrationContext, type Change } from './administration/context.js';

/** What an administrator does, in the folder of a stopped manager or through one that runs. */
export interface AdministrationCalls {
  readonly users: UserCalls;
  readonly machineKeys: MachineKeyCalls;
  readonly roles: RoleCalls;
  readonly grants: GrantCalls;
  readonly tokens: TokenCalls;
  readonly keys: KeyCalls;
  readonly readers: ReaderCalls;
}

type AdministrationParts = Omit<AdministrationContext, 'turns' | 'changed'>;

/** Who there is and who may read what, in a registry. */
export class Administration {
  readonly #parts: AdministrationParts;
  readonly #turns = new Turns();

  constructor(parts: AdministrationParts) {
    this.#parts = parts;
  }

  /** @param changed told of each change that is made by these calls: they are of one administrator */
  calls(changed: (change: Change) => void = () => undefined): AdministrationCalls {
    const context = { ...this.#parts, turns: this.#turns, changed };
    return {
      users: new UserAdministration(context),
      machineKeys: new MachineKeyAdministration(context),
      roles: new RoleAdministration(context),
      grants: new GrantAdministration(context),
      tokens: new TokenAdministration(context),
      keys: new KeyAdministration(context),
      readers: new ReaderAdministration(context),
    };
  }
}

export { mustBe, type Change, type RemovalOptions } from './administration/context.js';
export type { GrantSummary, Revoking } from './administration/grants.js';
export type { RotatedKey } from './administration/keys.js';
export type { MachineKeySummary } from './administration/machine-keys.js';
export type { Move, ReaderSummary, SavedPlace } from './administration/readers.js';
export type { RoleSummary } from './administration/roles.js';
export type { IssuedToken, NewToken, TokenSummary } from './administration/tokens.js';
export { makeUser, type Credentials, type NewUser, type UserSummary } from './administration/users.js';
