// A reporter of node's test runner for the program that runs it: each event as a line of JSON.
export default async function* events(source) {
  for await (const { type, data = {} } of source) {
    const { name, nesting, file, line, message, details } = data;
    const error = details?.error;
    const event = { type, name, nesting, file, line, message, failureType: error?.failureType, error: told(error) };
    yield `${JSON.stringify(event)}\n`;
  }
}

/** What was thrown: the runner wraps it. */
function told(error) {
  const cause = error?.cause ?? error;
  if (cause === undefined) {
    return undefined;
  }
  return cause instanceof Error || cause?.stack ? (cause.stack ?? cause.message) : String(cause);
}
