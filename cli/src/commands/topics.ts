import { connect } from '@drc/client-sdk';
import { type ClientFlags, clientOptions } from '../client-profile.js';

/** Prints the topics that the credentials may read, one a line with the number of its stores. */
export async function topics(flags: ClientFlags): Promise<void> {
  await using hub = await connect({ ...(await clientOptions(flags)), client: 'drc topics' });
  for (const { topic, stores } of await hub.topics()) process.stdout.write(`${topic}\t${stores}\n`);
}
