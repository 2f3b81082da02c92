/** A binary heap of keyed items: the smallest first, any of them removable by its key. */
export class Heap<T> {
  private readonly items: { key: string; value: T; order: number }[] = [];
  private readonly places = new Map<string, number>();
  private order = 0;

  constructor(private readonly compare: (a: T, b: T) => number) {}

  get size(): number {
    return this.items.length;
  }

  has(key: string): boolean {
    return this.places.has(key);
  }

  get(key: string): T | undefined {
    const place = this.places.get(key);
    return place === undefined ? undefined : this.items[place]?.value;
  }

  push(key: string, value: T): void {
    this.remove(key);
    this.items.push({ key, value, order: this.order++ });
    this.places.set(key, this.items.length - 1);
    this.up(this.items.length - 1);
  }

  pop(): T | undefined {
    const first = this.items[0];
    if (first) {
      this.remove(first.key);
    }
    return first?.value;
  }

  remove(key: string): void {
    const place = this.places.get(key);
    if (place === undefined) {
      return;
    }
    const last = this.items.length - 1;
    this.swap(place, last);
    this.items.pop();
    this.places.delete(key);
    if (place < last) {
      this.up(place);
      this.down(place);
    }
  }

  private less(i: number, j: number): boolean {
    const a = this.items[i];
    const b = this.items[j];
    if (!a || !b) {
      return false;
    }
    return (this.compare(a.value, b.value) || a.order - b.order) < 0;
  }

  private swap(i: number, j: number): void {
    const a = this.items[i];
    const b = this.items[j];
    if (a && b) {
      this.items[i] = b;
      this.items[j] = a;
      this.places.set(b.key, i);
      this.places.set(a.key, j);
    }
  }

  private up(from: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.less(i, parent)) {
        return;
      }
      this.swap(i, parent);
      i = parent;
    }
  }

  private down(from: number): void {
    let i = from;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.items.length && this.less(child, least)) {
          least = child;
        }
      }
      if (least === i) {
        return;
      }
      this.swap(i, least);
      i = least;
    }
  }
}
