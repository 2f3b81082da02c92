/** Changes values on their way into the database and back: encryption at rest. */
export interface Transformer {
  /** @param key the full key, bound to the value so that values cannot be swapped in the database */
  toStorage(key: string, data: Buffer): Buffer;
  /** @throws Error when the value cannot be read */
  fromStorage(key: string, data: Buffer): Buffer;
}

/** Values as they are. */
export const identityTransformer: Transformer = {
  toStorage: (_key, data) => data,
  fromStorage: (_key, data) => data,
};
