import { setImmediate as nextTurn } from 'node:timers/promises';

const atOnce = 250;

/**
 * Calls the visitor with every item. Many items are visited in several turns of the event loop: other requests get
 * theirs, and objects that were decoded for a look can be freed (what a WeakRef gave out lives until its turn ends).
 */
export async function inTurns<T>(items: readonly T[], visit: (item: T) => void): Promise<void> {
  for (let from = 0; from < items.length; from += atOnce) {
    if (from > 0) {
      await nextTurn();
    }
    for (const item of items.slice(from, from + atOnce)) {
      visit(item);
    }
  }
}
