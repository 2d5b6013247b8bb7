import type { ConnectOptions } from '@drc/client-sdk';
import { readFile } from 'node:fs/promises';

/** Where the examples find the hub: DRC_MANAGER (one address, or several between commas) with DRC_TOKEN or DRC_MACHINE_KEY, else the folder of `drc dev`. */
export async function fromEnvironment(): Promise<ConnectOptions> {
  const {
    DRC_MANAGER: managers = 'http://127.0.0.1:7370',
    DRC_TOKEN: token,
    DRC_MACHINE_KEY: machineKey,
  } = process.env;
  const clusterManager = managers.split(',');
  if (token !== undefined) return { clusterManager, credentials: { token } };
  if (machineKey !== undefined) return { clusterManager, credentials: { machineKey } };
  const profile = JSON.parse(await readFile('drc-data/client.json', 'utf8')) as {
    clusterManager: string;
    machineKey: string;
  };
  return { clusterManager: profile.clusterManager, credentials: { machineKey: profile.machineKey } };
}
