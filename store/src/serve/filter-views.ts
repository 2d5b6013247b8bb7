import type { Filter } from './filter.js';
import { FilterView } from './filter-view.js';
import { HeadPace } from './head-pace.js';
import type { ReadableLog } from './readable-log.js';
import { SharedBursts } from './shared-bursts.js';

/** One reader's part in what readers share. Disposed when its session has ended. */
export interface ViewShare extends Disposable {
  readonly view: FilterView;
  readonly bursts: SharedBursts;
  /** Of all readers of the log. */
  readonly headPace: HeadPace;
  /** Whether another reader has the same view now. */
  readonly isShared: boolean;
}

interface Entry {
  readonly view: FilterView;
  readonly bursts: SharedBursts;
  readers: number;
}

/** What the readers of one log share: those who have the same filter have one view, and all of them one wait for the head. */
export class FilterViews {
  readonly #log: ReadableLog;
  readonly #entries = new Map<string, Entry>();
  readonly #headPace: HeadPace;

  constructor(log: ReadableLog) {
    this.#log = log;
    this.#headPace = new HeadPace(log.head, () => performance.now());
  }

  take(filter: Filter): ViewShare {
    const { text } = filter;
    const entry = this.#entries.get(text) ?? this.#create(filter);
    this.#entries.set(text, entry);
    entry.readers += 1;
    let isTaken = true;
    return {
      view: entry.view,
      bursts: entry.bursts,
      headPace: this.#headPace,
      get isShared() {
        return entry.readers > 1;
      },
      [Symbol.dispose]: () => {
        if (!isTaken) return;
        isTaken = false;
        entry.readers -= 1;
        if (entry.readers === 0) this.#entries.delete(text);
      },
    };
  }

  #create(filter: Filter): Entry {
    const view = new FilterView(filter, this.#log);
    return { view, bursts: new SharedBursts(view, this.#log), readers: 0 };
  }
}
