import { DrcError } from '@drc/protocol';
import type { StoreAnnouncement } from './store-directory.js';

/**
 * The stores whose logs an empty store may copy, best first: those that capture, then those that go back farthest, then those
 * that have come farthest.
 * @param captureDigest of the tables and columns that the empty store captures; absent: not compared
 * @throws DrcError `TOPIC_CONFIG_MISMATCH` where the others capture other ones
 */
export function sistersFor(
  topic: string,
  stores: readonly StoreAnnouncement[],
  captureDigest: string | undefined,
): readonly StoreAnnouncement[] {
  const other = stores.find(
    (store) =>
      captureDigest !== undefined &&
      store.captureDigest !== undefined &&
      store.captureDigest !== captureDigest,
  );
  if (other !== undefined) {
    throw new DrcError(
      'TOPIC_CONFIG_MISMATCH',
      `The store ${other.id} captures other tables or columns of the topic ${topic}.`,
      { topic, other: other.id },
    );
  }
  return stores.toSorted(
    (a, b) =>
      Number(b.captureState === 'streaming') - Number(a.captureState === 'streaming') ||
      a.extent.coversFrom - b.extent.coversFrom ||
      b.extent.head.time - a.extent.head.time ||
      (a.id < b.id ? -1 : 1),
  );
}
