/** Where a topic's store is, and the ticket for it, as the cluster manager says it. */
export interface StorePlace {
  readonly address: string;
  readonly ticket: string;
}

/** By the machine key in `DRC_MACHINE_KEY`. */
export async function storePlace(manager: string): Promise<StorePlace> {
  const response = await fetch(`${manager}/v1/topics/bench/stores?from=latest`, {
    headers: { authorization: `Bearer ${process.env['DRC_MACHINE_KEY']}` },
  });
  if (!response.ok) throw new Error(`The manager answered ${response.status}: ${await response.text()}`);
  const { stores, ticket } = (await response.json()) as { stores: { address: string }[]; ticket: string };
  return { address: stores[0]!.address, ticket };
}
