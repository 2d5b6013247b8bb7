import type { DrcError } from '@drc/protocol';
import { fault, ok, refusalText, type Finding } from './finding.js';

/** The server's error numbers that say more than our code does. */
const secureTransportRequired = 3159;
const tooManyConnections = 1040;
const hostBlocked = 1129;
const hostNotAllowed = 1130;

export const reachable = (address: string): Finding => ok('reachable', address);

/** @param user as which it was tried */
export function unreachable(address: string, user: string, error: DrcError): Finding {
  return fault('reachable', error.code, {
    found: refusalText(error),
    wanted: `${user} can log in at ${address}`,
    why: error.advice,
    fix: advice(address, user, error),
  });
}

function advice(address: string, user: string, { code, details }: DrcError): readonly string[] {
  const name = user.replaceAll("'", "''");
  switch (Number(details['errno'])) {
    case secureTransportRequired:
      return [
        'The source takes encrypted connections only: give the store’s configuration `source.tls`, and pass it with --config.',
      ];
    case tooManyConnections:
      return ['The source has no connection left: close some, or raise max_connections.'];
    case hostBlocked:
      return [
        'The source has shut this machine out after failed connections. As administrator:',
        'FLUSH HOSTS;',
      ];
    case hostNotAllowed:
      return [
        'No user may log in from this machine. As administrator, with a password of your choice instead of <password>:',
        `CREATE USER '${name}'@'%' IDENTIFIED BY '<password>';`,
      ];
  }
  if (code === 'SOURCE_AUTH') {
    return [
      'Check the password (DRC_SOURCE_PASSWORD, source.passwordFile) and which accounts there are. As administrator:',
      `SELECT user, host, plugin FROM mysql.user WHERE user = '${name}';`,
      'The account’s host must match the address from which this machine connects.',
    ];
  }
  return [
    `Check that a server listens at ${address}, and that nothing between (firewall, bind_address, skip_networking) keeps this machine away.`,
  ];
}
