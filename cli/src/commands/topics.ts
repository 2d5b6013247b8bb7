import { connect } from '@drc/client-sdk';
import { type ClientFlags, clientFrom } from '../client-profile.js';

/** Prints the topics that the credentials may read, one a line with the number of its stores. */
export async function topics(flags: ClientFlags): Promise<void> {
  const client = await clientFrom(flags);
  try {
    await using hub = await connect({ ...client.options, client: 'drc topics' });
    for (const { topic, stores } of await hub.topics()) process.stdout.write(`${topic}\t${stores}\n`);
  } catch (error) {
    throw client.explain(error);
  }
}
