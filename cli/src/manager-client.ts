import { DrcError, isErrorCode } from '@drc/protocol';

/** An administrator's session with a running cluster manager. */
export class ManagerClient {
  readonly #address: string;
  readonly token: string;

  private constructor(address: string, token: string) {
    this.#address = address;
    this.token = token;
  }

  /** @throws DrcError `UNAUTHENTICATED`, `MANAGER_UNREACHABLE`. */
  static async login(
    address: string,
    credentials: { name: string; password: string },
  ): Promise<ManagerClient> {
    const { token } = await post(address, '/v1/login', credentials);
    return new ManagerClient(address, String(token));
  }

  /** @returns the whole key, which cannot be shown again. */
  async makeMachineKey(request: object): Promise<string> {
    const { key } = await post(this.#address, '/v1/machine-keys', request, this.token);
    return String(key);
  }
}

async function post(
  address: string,
  path: string,
  body: object,
  token?: string,
): Promise<Record<string, unknown>> {
  if (!URL.canParse(address)) throw new DrcError('CONFIG_INVALID', `'${address}' is not an address.`);
  let response: Response;
  try {
    response = await fetch(new URL(path, address), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
  } catch (cause) {
    throw new DrcError('MANAGER_UNREACHABLE', `${address} does not answer.`, {}, { cause });
  }
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return answer;
  const error = (answer['error'] ?? {}) as { code?: unknown; message?: unknown };
  const code = isErrorCode(error.code) ? error.code : 'MANAGER_UNREACHABLE';
  const message =
    typeof error.message === 'string' ? error.message : `${address} answered ${response.status}.`;
  throw new DrcError(code, message);
}
