import type { Change, Hub, Row, Subscription } from '@drc/client-sdk';
import { describe, expectTypeOf, it } from 'vitest';

interface Shop {
  'shop.orders': { id: bigint; total: string };
  'shop.buyers': { id: bigint; name: string | null };
}

// What is tested here is that it compiles.
describe('the types of changes', () => {
  it('follow the table', () => {
    const check = (change: Change<Shop>): void => {
      if (change.kind === 'insert' && change.table === 'shop.orders')
        expectTypeOf(change.after).toEqualTypeOf<{ id: bigint; total: string }>();
      if (change.table === 'shop.buyers' && change.kind === 'update') {
        expectTypeOf(change.before).toEqualTypeOf<{ id: bigint; name: string | null }>();
        expectTypeOf(change.after).toEqualTypeOf<{ id: bigint; name: string | null }>();
      }
      if ('after' in change) expectTypeOf(change.after.id).toEqualTypeOf<bigint>();
      if (change.kind === 'ddl') expectTypeOf(change.ddl.verb).toEqualTypeOf<string>();
      if (change.kind === 'delete') {
        // @ts-expect-error a deleted row has no image after.
        void change.after;
      }
      if (change.kind !== 'ddl') {
        expectTypeOf(change.table).toEqualTypeOf<'shop.orders' | 'shop.buyers'>();
        // @ts-expect-error the topic has no such table.
        void (change.table === 'shop.sellers');
      }
    };
    expectTypeOf(check).toBeFunction();
  });

  it('are those of any row where no tables are named', () => {
    const check = (change: Change): void => {
      if (change.kind === 'insert') {
        expectTypeOf(change.table).toEqualTypeOf<string>();
        expectTypeOf(change.after).toEqualTypeOf<Row>();
      }
    };
    expectTypeOf(check).toBeFunction();
  });

  it('come from the type argument of subscribe', () => {
    expectTypeOf<Hub['subscribe']>().toBeFunction();
    const check = async (hub: Hub): Promise<void> => {
      const subscription = hub.subscribe<Shop>('shop');
      expectTypeOf(subscription).toEqualTypeOf<Subscription<Shop>>();
      for await (const tx of subscription) {
        expectTypeOf(tx.changes).toEqualTypeOf<AsyncIterable<Change<Shop>>>();
        expectTypeOf(await tx.all()).toEqualTypeOf<Change<Shop>[]>();
        await subscription.commit(tx);
      }
    };
    expectTypeOf(check).toBeFunction();
  });
});
