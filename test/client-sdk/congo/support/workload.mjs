// A deterministic load that is not idempotent: applied twice, or in part, or in another order, the rows differ.
const order = {
  schema: 'shop',
  table: 'orders',
  columns: [
    { name: 'id', type: 'int', nullable: false, length: 4 },
    { name: 'note', type: 'text', nullable: true, length: 1020 },
  ],
  primaryKey: [0],
};
const bare = { schema: 'shop', table: 'bare', columns: [order.columns[1]], primaryKey: [] };

export const workloadTables = [
  'CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(255))',
  'CREATE TABLE bare (note VARCHAR(255))',
];

const change = (kind, version, images) => ({
  kind,
  table: `${version.schema}.${version.table}`,
  tableVersion: version,
  columns: version.columns,
  foreignKeyChecks: true,
  uniqueChecks: true,
  ...images,
});

/** The changes of `transactions` transactions, and the rows that a target must have after all of them. */
export function workload(transactions) {
  let state = 12345;
  const random = (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const rows = new Map();
  const notes = [];
  const list = [];
  for (let number = 1; number <= transactions; number++) {
    const changes = [];
    for (let i = random(6) + 1; i > 0; i--) {
      const ids = [...rows.keys()];
      const id = ids[random(ids.length)];
      const what = ids.length < 5 ? 0 : random(5);
      if (what === 0) {
        const after = { id: number * 100 + i, note: `n${number}` };
        rows.set(after.id, after);
        changes.push(change('insert', order, { after }));
      } else if (what === 1) {
        const before = rows.get(id);
        const after = { id, note: `${before.note}+`.slice(-100) };
        rows.set(id, after);
        changes.push(change('update', order, { before, after }));
      } else if (what === 2) {
        const before = rows.get(id);
        const after = { id: number * 100 + 50 + i, note: before.note };
        rows.delete(id);
        rows.set(after.id, after);
        changes.push(change('update', order, { before, after }));
      } else if (what === 3) {
        const before = rows.get(id);
        rows.delete(id);
        changes.push(change('delete', order, { before }));
      } else {
        const note = `same${number % 3}`;
        notes.push(note);
        changes.push(change('insert', bare, { after: { note } }));
      }
    }
    list.push(changes);
  }
  const orders = [...rows.values()].sort((a, b) => a.id - b.id);
  return { transactions: list, orders, bare: notes.sort() };
}
