interface Entry<K> {
  key: K;
  dueMs: number;
  order: number;
}

/** Keys by the time they are due: a binary heap, each key at most once, with its earliest time. */
export class DelayHeap<K> {
  private readonly heap: Entry<K>[] = [];
  private readonly due = new Map<K, number>();
  private nextOrder = 0;

  get size(): number {
    return this.due.size;
  }

  /** Adds a key, or moves it to an earlier time; a later time than it has is ignored, as in client-go. */
  add(key: K, dueMs: number): void {
    const known = this.due.get(key);
    if (known !== undefined && known <= dueMs) return;
    this.due.set(key, dueMs);
    this.heap.push({ key, dueMs, order: this.nextOrder++ });
    this.up(this.heap.length - 1);
  }

  /** When the first key is due. */
  peekMs(): number | undefined {
    this.dropStale();
    return this.heap[0]?.dueMs;
  }

  /** Removes and returns the first key that is due by now. */
  popDue(nowMs: number): K | undefined {
    this.dropStale();
    const first = this.heap[0];
    if (!first || first.dueMs > nowMs) return undefined;
    this.removeFirst();
    this.due.delete(first.key);
    return first.key;
  }

  /** Entries that were replaced by an earlier one stay in the heap until they come to its top. */
  private dropStale(): void {
    for (let first = this.heap[0]; first && this.due.get(first.key) !== first.dueMs; first = this.heap[0]) {
      this.removeFirst();
    }
  }

  private removeFirst(): void {
    const last = this.heap.pop();
    if (last && this.heap.length > 0) {
      this.heap[0] = last;
      this.down(0);
    }
  }

  private less(a: number, b: number): boolean {
    const x = this.heap[a] as Entry<K>;
    const y = this.heap[b] as Entry<K>;
    return x.dueMs < y.dueMs || (x.dueMs === y.dueMs && x.order < y.order);
  }

  private swap(a: number, b: number): void {
    const x = this.heap[a] as Entry<K>;
    this.heap[a] = this.heap[b] as Entry<K>;
    this.heap[b] = x;
  }

  private up(from: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.less(i, parent)) return;
      this.swap(i, parent);
      i = parent;
    }
  }

  private down(from: number): void {
    let i = from;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.heap.length && this.less(child, least)) least = child;
      }
      if (least === i) return;
      this.swap(i, least);
      i = least;
    }
  }
}
