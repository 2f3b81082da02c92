/** The number or address asked for is another's already. */
export class AlreadyAllocatedError extends Error {
  override readonly name = 'AlreadyAllocatedError';
}

/** Nothing of the range is free. */
export class RangeFullError extends Error {
  override readonly name = 'RangeFullError';

  constructor() {
    super('range is full');
  }
}

/** The address is in no range that Services get addresses of now. */
export class MismatchedNetworkError extends Error {
  override readonly name = 'MismatchedNetworkError';

  constructor() {
    super('the provided network does not match the current range');
  }
}
