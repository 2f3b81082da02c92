import { createHash } from 'node:crypto';

/** 48 bits of a flow's identity: enough to deal a hand, and exact as a number. */
export function hashFlow(schemaName: string, distinguisher: string): number {
  return createHash('sha256').update(`${schemaName.length},${schemaName}${distinguisher}`).digest().readUIntBE(0, 6);
}

/**
 * Deals `handSize` different cards out of `deckSize` by a hash value (shuffle sharding): two flows share all of their
 * queues only rarely, so that a heavy flow leaves others at least one queue without it.
 */
export function dealHand(hash: number, deckSize: number, handSize: number): number[] {
  const hand: number[] = [];
  let rest = hash;
  for (let i = 0; i < Math.min(handSize, deckSize); i++) {
    const left = deckSize - i;
    let card = rest % left;
    rest = Math.floor(rest / left);
    // The card counts only those not dealt yet: skip the dealt ones below it, in order.
    for (const dealt of [...hand].sort((a, b) => a - b)) {
      if (card >= dealt) card++;
    }
    hand.push(card);
  }
  return hand;
}
