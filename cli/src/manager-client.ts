import type { AdministrationCalls, Credentials } from '@drc/cluster-manager';
import {
  DrcError,
  type ErrorDetails,
  isDrcError,
  isErrorCode,
  jsonRequest,
  type Transport,
} from '@drc/protocol';
import { managerAddresses, wrongAddress } from './manager-address.js';

type Ask = (method: string, path: string, body?: object) => Promise<object>;

/**
 * An administrator's session with a running cluster manager: of several, between commas, the first that answers.
 * @throws DrcError `CONFIG_INVALID`, `UNAUTHENTICATED`, `MANAGER_UNREACHABLE`.
 */
export async function logInTo(
  address: string,
  credentials: Credentials,
  transport: Transport,
): Promise<AdministrationCalls> {
  const [first = '', ...others] = managerAddresses(address);
  try {
    const answer = await request(first, 'POST', '/v1/login', credentials, { transport });
    const { token } = answer as { token: string };
    return callsOf((method, path, body) => request(first, method, path, body, { token, transport }));
  } catch (error) {
    if (others.length === 0 || !isDrcError(error, 'MANAGER_UNREACHABLE')) throw error;
    return logInTo(others.join(','), credentials, transport);
  }
}

/** What a route answers is what the call of the same name gives. */
function callsOf(ask: Ask): AdministrationCalls {
  const answer = async <T>(method: string, path: string, body?: object): Promise<T> =>
    (await ask(method, path, body)) as T;
  const listed = async <T>(path: string, member: string): Promise<T> =>
    (await answer<Record<string, T>>('GET', path))[member] as T;
  const part = encodeURIComponent;
  const dry = (options?: { readonly dryRun?: boolean | undefined }): string =>
    options?.dryRun === true ? '?dryRun=true' : '';
  return {
    users: {
      list: () => listed('/v1/users', 'users'),
      add: (user) => answer('POST', '/v1/users', user),
      rotate: (user) => answer('POST', `/v1/users/${part(user)}/rotate`),
      remove: (user, options) => answer('DELETE', `/v1/users/${part(user)}${dry(options)}`),
      disable: (name, options) => answer('POST', `/v1/principals/${part(name)}/disable${dry(options)}`),
      enable: (name) => answer('POST', `/v1/principals/${part(name)}/enable`),
    },
    machineKeys: {
      list: () => listed('/v1/machine-keys', 'machineKeys'),
      make: (wanted) => answer('POST', '/v1/machine-keys', wanted),
      remove: (id, options) => answer('DELETE', `/v1/machine-keys/${part(id)}${dry(options)}`),
    },
    roles: {
      list: () => listed('/v1/roles', 'roles'),
      add: (name) => answer('POST', '/v1/roles', { name }),
      remove: (name, options) => answer('DELETE', `/v1/roles/${part(name)}${dry(options)}`),
      assign: (role, name) => answer('PUT', `/v1/roles/${part(role)}/members/${part(name)}`),
      unassign: (role, name, options) =>
        answer('DELETE', `/v1/roles/${part(role)}/members/${part(name)}${dry(options)}`),
    },
    grants: {
      list: (to) => listed(to === undefined ? '/v1/grants' : `/v1/grants?to=${part(to)}`, 'grants'),
      add: (to, grant) => answer('POST', '/v1/grants', { to, ...grant }),
      revoke: (from, options) => answer('POST', '/v1/grants/revoke', { from, ...options }),
    },
    tokens: {
      list: () => listed('/v1/tokens', 'tokens'),
      issue: (wanted) => answer('POST', '/v1/tokens', wanted),
      inspect: (token) => answer('POST', '/v1/tokens/inspect', { token }),
      revoke: (id, options) => answer('DELETE', `/v1/tokens/${part(id)}${dry(options)}`),
    },
    keys: {
      rotate: () => answer('POST', '/v1/keys/rotate'),
    },
    readers: {
      list: (topic) => listed(`/v1/readers${topic === undefined ? '' : `?topic=${part(topic)}`}`, 'readers'),
      seek: (key, to, options) => answer('POST', '/v1/readers/seek', { ...key, to, ...options }),
      remove: ({ principal, topic, name }, options) =>
        answer('DELETE', `/v1/readers/${part(principal)}/${part(topic)}/${part(name)}${dry(options)}`),
    },
  };
}

async function request(
  address: string,
  method: string,
  path: string,
  body: object | undefined,
  { token, transport }: { readonly token?: string; readonly transport: Transport },
): Promise<object> {
  const { status, text } = await jsonRequest(address, {
    ...transport,
    method,
    path,
    ...(token === undefined ? {} : { token }),
    ...(body === undefined ? {} : { body }),
    timeoutMs: 10_000,
    maxAnswerBytes: 16 * 1024 * 1024,
  });
  const answer = objectOf(text);
  if (status >= 200 && status <= 299) return answer;
  const error = (answer['error'] ?? {}) as { code?: unknown; message?: unknown; details?: ErrorDetails };
  if (!isErrorCode(error.code)) throw wrongAddress(address, status);
  throw new DrcError(error.code, String(error.message), error.details);
}

function objectOf(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
