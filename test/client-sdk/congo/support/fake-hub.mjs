// A hub whose topic lies in memory: it keeps the promises of client-sdk's Subscription that congo builds on.
import { setMaxListeners } from 'node:events';
import { Checkpoint, DrcError, TransactionSet } from '@drc/protocol';

/** About what an image takes. */
const bytesOf = (row = {}) => Object.values(row).reduce((sum, value) => sum + (value?.length ?? 8), 0);

export class FakeTopic {
  #log = [];
  #sequences = [0, 0];
  #waiting = new Set();
  subscriptions = 0;
  last = { from: undefined, tables: undefined, loaded: undefined };

  constructor({ topic = 'shop', progressMs } = {}) {
    this.topic = topic;
    this.progressMs = progressMs;
  }

  get size() {
    return this.#log.length;
  }

  append(changes, origin) {
    return this.#add(0, changes, origin);
  }

  appendElsewhere(changes) {
    return this.#add(1, changes);
  }

  appendEmpty() {
    return this.#add(0, undefined);
  }

  #add(domain, changes, origin) {
    const id = `${domain}-1-${++this.#sequences[domain]}`;
    this.#log.push({ id, changes, origin, commitTime: Date.UTC(2026, 10, 22) + this.#log.length });
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    return id;
  }

  at(index) {
    return this.#log[index];
  }

  setBefore(index) {
    const set = TransactionSet.parse('');
    for (const { id } of this.#log.slice(0, index)) set.add(id);
    return set;
  }

  arrival(signal) {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  hub() {
    const close = () => Promise.resolve();
    return {
      describe: () => Promise.resolve({ tables: [], missing: undefined }),
      topics: () => Promise.resolve([{ topic: this.topic, stores: 1 }]),
      subscribe: (topic, options = {}) => new FakeSubscription(this, options),
      close,
      [Symbol.asyncDispose]: close,
    };
  }
}

class FakeSubscription {
  #topic;
  #options;
  #closed = new AbortController();
  /** Index of what is looked at next, and of what the loop has in its hands. */
  #at = 0;
  #held;
  /** What the loop was given last, and what it committed last. */
  #given;
  #done;
  #set;
  #committed;
  #saving = Promise.resolve();
  #failure;
  #timer;

  constructor(topic, options) {
    this.#topic = topic;
    this.#options = options;
    // One for each time that it waited.
    setMaxListeners(0, this.#closed.signal);
    topic.subscriptions += 1;
    topic.last = { from: options.from, tables: options.tables, loaded: undefined };
    if (topic.progressMs !== undefined) {
      this.#timer = setInterval(() => {
        // What was handed out and not committed may be on its way.
        if (this.#held === undefined && this.#given === this.#done) this.#commitUpTo(this.#at);
        this.#save().catch((error) => this.#fail(error));
      }, topic.progressMs);
    }
  }

  get topic() {
    return this.#topic.topic;
  }

  get checkpoint() {
    return this.#set && this.#checkpointOf(this.#held?.before ?? this.#set);
  }

  [Symbol.asyncIterator]() {
    return {
      next: () => this.#next(),
      return: () => this.close().then(() => ({ value: undefined, done: true })),
    };
  }

  async #next() {
    this.#held = undefined;
    if (this.#set === undefined) await this.#start();
    for (;;) {
      if (this.#failure) throw this.#failure;
      if (this.#closed.signal.aborted) return { value: undefined, done: true };
      const entry = this.#topic.at(this.#at);
      if (entry === undefined) {
        await this.#topic.arrival(this.#closed.signal);
        continue;
      }
      this.#at += 1;
      if (this.#set.covers(entry.id)) continue;
      const before = this.#set.clone();
      this.#set.add(entry.id);
      if (entry.changes === undefined) continue;
      return { value: this.#hand(entry, before), done: false };
    }
  }

  async #start() {
    const text = await this.#options.checkpoints?.load();
    if (text !== undefined) {
      this.#topic.last.loaded = Checkpoint.parse(text);
      this.#set = this.#topic.last.loaded.set.clone();
    } else if (this.#options.from === 'latest') {
      this.#set = this.#topic.setBefore(this.#topic.size);
    } else this.#set = TransactionSet.parse('');
  }

  #hand(entry, before) {
    const set = this.#set.clone();
    const isHeld = () => this.#held?.tx === tx && !this.#closed.signal.aborted;
    const changes = entry.changes;
    const tx = {
      id: entry.id,
      commitTime: new Date(entry.commitTime),
      commitTimeMicros: entry.commitTime * 1000,
      origin: entry.origin,
      checkpoint: this.#checkpointOf(set),
      changes: (async function* iterate() {
        for await (const change of typeof changes === 'function' ? changes() : changes) {
          if (!isHeld()) throw new DrcError('CLOSED', `Transaction ${entry.id} is over.`);
          yield change;
        }
      })(),
      async all({ maxBytes = 64 * 1024 * 1024 } = {}) {
        const all = [];
        let bytes = 0;
        for await (const change of typeof changes === 'function' ? changes() : changes) {
          all.push(change);
          bytes += bytesOf(change.before) + bytesOf(change.after);
          if (bytes > maxBytes)
            throw new DrcError('TRANSACTION_TOO_LARGE', `Transaction ${entry.id} is too large.`);
        }
        return all;
      },
    };
    this.#held = { tx, before };
    this.#given = tx;
    return tx;
  }

  async commit(tx) {
    this.#committed = tx.checkpoint.set.union(this.#committed ?? TransactionSet.parse(''));
    this.#done = tx;
    if (this.#given === tx) this.#commitUpTo(this.#at);
    await this.#save();
  }

  /** What held nothing counts as done too. */
  #commitUpTo(index) {
    if (this.#set === undefined) return;
    let end = index;
    while (this.#topic.at(end) !== undefined && this.#topic.at(end).changes === undefined) end += 1;
    this.#committed = this.#set.union(this.#topic.setBefore(end));
  }

  #save() {
    const set = this.#committed;
    if (set === undefined) return Promise.resolve();
    const text = this.#checkpointOf(set).toString();
    this.#saving = this.#saving.then(() => this.#options.checkpoints?.save(text));
    return this.#saving;
  }

  #checkpointOf(set) {
    return new Checkpoint({ topic: this.#topic.topic, set });
  }

  #fail(error) {
    this.#failure ??= error;
    this.#closed.abort();
  }

  status() {
    const hasAll = this.#set !== undefined && this.#held === undefined && this.#at >= this.#topic.size;
    return { kind: hasAll ? 'caughtUp' : 'streaming' };
  }

  async close() {
    clearInterval(this.#timer);
    this.#closed.abort();
    await this.#saving.catch(() => undefined);
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}
