/** Items a message of a streamed list: pods' metrics, the largest, stay far below gRPC's limit with that many. */
const itemsPerMessage = 100;

/**
 * Answers one of CRI's Stream calls with the list of the List call beside it: messages of at most `size` items, none
 * for an empty list.
 */
export async function* inParts<T, R>(
  list: Promise<T[] | undefined>,
  message: (items: T[]) => R,
  size = itemsPerMessage,
): AsyncGenerator<R> {
  const items = (await list) ?? [];
  for (let start = 0; start < items.length; start += size) yield message(items.slice(start, start + size));
}
