import type { IncomingMessage } from 'node:http';
import type { Drain, DrainStatus } from './drain.js';

/** An answer of the admin server. */
export interface AdminAnswer {
  readonly status: number;
  readonly body: DrainStatus | { readonly error: string };
}

/**
 * `/drain`: GET tells how it goes, POST begins (`?stop=true`: the store stops when no reader is left), DELETE takes it back.
 * A page in a browser on the same machine could send these too, but not without an Origin, nor to a loopback name.
 */
export function answerDrain(request: IncomingMessage, drain: Drain): AdminAnswer {
  const { origin, host = '' } = request.headers;
  if (origin !== undefined || !loopbackHost.test(host))
    return { status: 403, body: { error: 'Not from a browser, and by a loopback address only.' } };
  switch (request.method) {
    case 'POST':
      drain.begin(new URL(request.url ?? '/', 'http://loopback').searchParams.get('stop') === 'true');
      break;
    case 'DELETE':
      drain.undo();
      break;
    case 'GET':
      break;
    default:
      return { status: 405, body: { error: 'GET, POST or DELETE.' } };
  }
  return { status: 200, body: drain.status };
}

const loopbackHost = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?$/i;
