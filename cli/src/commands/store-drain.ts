import { DrcError, jsonRequest } from '@drc/protocol';
import { parseStoreConfig, type DrainStatus } from '@drc/store';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../config-file.js';
import { printLine } from '../print-line.js';

export interface StoreDrainFlags {
  readonly admin?: string;
  readonly config?: string;
  readonly stop?: boolean;
  readonly undo?: boolean;
}

const lookMs = 500;
const timeoutMs = 5_000;
const maxAnswerBytes = 64 * 1024;

/** Moves the readers of a running store away, and tells how that goes until none is left or `signal` is aborted. */
export async function storeDrain(flags: StoreDrainFlags, signal: AbortSignal): Promise<void> {
  if (flags.undo === true && flags.stop === true)
    throw new DrcError('CONFIG_INVALID', 'Either --undo or --stop.');
  const address = await adminAddress(flags);
  if (flags.undo === true) {
    await request(address, 'DELETE', '/drain');
    return printLine('The store takes readers again.');
  }
  let status = await request(address, 'POST', `/drain?stop=${flags.stop === true}`);
  let told = '';
  for (; status.readers > 0; status = await look(address, flags.stop === true)) {
    const text = progressText(status);
    if (text !== told) printLine(text);
    told = text;
    await sleep(lookMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return printLine('The store drains on; --undo takes that back.');
    if (!status.draining) throw new DrcError('CLOSED', 'Draining was taken back by somebody else.');
  }
  printLine(flags.stop === true ? 'No reader is left; the store stops.' : 'No reader is left.');
}

/** A store that was to stop and does not answer any more has stopped. */
async function look(address: string, stops: boolean): Promise<DrainStatus> {
  try {
    return await request(address, 'GET', '/drain');
  } catch (error) {
    if (!stops) throw error;
    return { draining: true, readers: 0, staying: 0, otherStores: undefined, stops };
  }
}

function progressText({ readers, staying, otherStores }: DrainStatus): string {
  const left = `${readers} ${readers === 1 ? 'reader' : 'readers'} left`;
  if (otherStores === undefined) return `${left}; waiting for a cluster manager`;
  if (otherStores === 0) return `${left}; they stay: no other store of the topic can take them`;
  return staying === 0 ? left : `${left}; ${staying} stay: no other store has what they need next`;
}

async function adminAddress({ admin, config }: StoreDrainFlags): Promise<string> {
  if (admin !== undefined) {
    if (admin.startsWith('http://') && URL.canParse(admin)) return admin.replace(/\/+$/, '');
    throw new DrcError('CONFIG_INVALID', `--admin: ${admin} is no address like http://127.0.0.1:7381.`);
  }
  if (config === undefined) throw new DrcError('CONFIG_INVALID', 'Give --admin or --config.');
  const { host, port } = (await readConfig(config, parseStoreConfig)).admin;
  if (port === 0)
    throw new DrcError('CONFIG_INVALID', `${config}: admin.port is 0, any free one: give --admin.`);
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function request(address: string, method: string, path: string): Promise<DrainStatus> {
  const answer = await jsonRequest(address, { method, path, timeoutMs, maxAnswerBytes }).catch(
    (cause: unknown) => {
      throw new DrcError('STORE_UNAVAILABLE', `${address}: no store answers there.`, {}, { cause });
    },
  );
  if (answer.status !== 200)
    throw new DrcError('STORE_UNAVAILABLE', `${address} answered with status ${answer.status}: no store?`);
  return JSON.parse(answer.text) as DrainStatus;
}
