import { DrcError, isDrcError } from '@drc/protocol';

/** The address of a cluster manager as typed. @throws DrcError `CONFIG_INVALID`. */
export function managerAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol) && url.username === '') return text;
  const isStore = url !== undefined && ['ws:', 'wss:'].includes(url.protocol);
  throw new DrcError(
    'CONFIG_INVALID',
    `'${text}' is not the address of a cluster manager${isStore ? ', but of a store' : ''}. It reads http://127.0.0.1:7370 (--manager, DRC_MANAGER).`,
  );
}

/** One address, or several between commas: any manager of the cluster will do. @throws DrcError `CONFIG_INVALID`. */
export const managerAddresses = (text: string): readonly string[] =>
  text.split(',').map((address) => managerAddress(address.trim()));

/** Something answers there that is no cluster manager. A store answers all but streams with "upgrade required". */
export const wrongAddress = (address: string, status: number): DrcError =>
  new DrcError(
    'CONFIG_INVALID',
    `${address} ${status === 426 ? 'is a store, not a cluster manager' : `answered with status ${status}, not like a cluster manager`}. Give the address that the manager's first log line (or the banner of drc dev) names: --manager, DRC_MANAGER.`,
    { address, status },
  );

/** What the SDK says of an answer that no manager gives, as a fault of the address that was typed. */
export function explainAddress(error: unknown): unknown {
  if (!isDrcError(error, 'PROTOCOL_VIOLATION')) return error;
  const { address, status } = error.details;
  return typeof address === 'string' && typeof status === 'number' ? wrongAddress(address, status) : error;
}
