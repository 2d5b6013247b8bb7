import { DrcError, isDrcError } from '@drc/protocol';

/** The same error, with advice that fits better than that of the code table: a command knows its flags and folders. */
export const withAdvice = (error: DrcError, advice: string): DrcError =>
  new DrcError(error.code, error.message, { ...error.details, advice }, { cause: error });

export function adviceOf({ advice, details }: DrcError): string {
  const better = details['advice'];
  return typeof better === 'string' ? better : advice;
}

/** A port that a command opens, and how to give it another one: `listen.port (--port, DRC_CM_PORT)`. */
export interface PortSetting {
  readonly port: number;
  readonly setting: string;
}

/** Names the setting of a port that is taken. Every other error stays as it is. */
export function explainPort(error: unknown, settings: readonly PortSetting[]): unknown {
  if (!isDrcError(error, 'PORT_IN_USE')) return error;
  const taken = settings.find(({ port }) => port === error.details['port']);
  return taken === undefined
    ? error
    : withAdvice(error, `Stop the process that listens there, or set ${taken.setting}; 0 takes a free port.`);
}
