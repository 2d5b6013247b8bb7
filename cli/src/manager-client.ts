import type {
  AdministrationCalls,
  Credentials,
  MachineKey,
  MachineKeyRequest,
  MachineKeySummary,
  NewUser,
  UserSummary,
} from '@drc/cluster-manager';
import { DrcError, type ErrorDetails, isErrorCode } from '@drc/protocol';
import { managerAddress, wrongAddress } from './manager-address.js';

/** An administrator's session with a running cluster manager. */
export class ManagerClient implements AdministrationCalls {
  readonly #address: string;
  readonly #token: string;

  private constructor(address: string, token: string) {
    this.#address = address;
    this.#token = token;
  }

  /** @throws DrcError `CONFIG_INVALID`, `UNAUTHENTICATED`, `MANAGER_UNREACHABLE`. */
  static async login(address: string, credentials: Credentials): Promise<ManagerClient> {
    const checked = managerAddress(address);
    const { token } = (await request(checked, 'POST', '/v1/login', credentials)) as { token: string };
    return new ManagerClient(checked, token);
  }

  async users(): Promise<readonly UserSummary[]> {
    const { users } = (await this.#request('GET', '/v1/users')) as { users: UserSummary[] };
    return users;
  }

  async addUser(user: NewUser): Promise<Credentials> {
    return (await this.#request('POST', '/v1/users', user)) as Credentials;
  }

  async removeUser(name: string): Promise<void> {
    await this.#request('DELETE', `/v1/users/${encodeURIComponent(name)}`);
  }

  async machineKeys(): Promise<readonly MachineKeySummary[]> {
    const answer = await this.#request('GET', '/v1/machine-keys');
    return (answer as { machineKeys: MachineKeySummary[] }).machineKeys;
  }

  async makeMachineKey(wanted: MachineKeyRequest): Promise<MachineKey> {
    return (await this.#request('POST', '/v1/machine-keys', wanted)) as MachineKey;
  }

  async removeMachineKey(id: string): Promise<void> {
    await this.#request('DELETE', `/v1/machine-keys/${encodeURIComponent(id)}`);
  }

  #request(method: string, path: string, body?: object): Promise<object> {
    return request(this.#address, method, path, body, this.#token);
  }
}

async function request(
  address: string,
  method: string,
  path: string,
  body?: object,
  token?: string,
): Promise<object> {
  let response: Response;
  try {
    response = await fetch(new URL(path, address), {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
  } catch (cause) {
    throw new DrcError('MANAGER_UNREACHABLE', `${address} does not answer.`, {}, { cause });
  }
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return answer;
  const error = (answer['error'] ?? {}) as { code?: unknown; message?: unknown; details?: ErrorDetails };
  if (!isErrorCode(error.code)) throw wrongAddress(address, response.status);
  throw new DrcError(error.code, String(error.message), error.details);
}
