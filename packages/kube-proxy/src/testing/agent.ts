import { methods } from './talk.js';

// One of a lab's namespaces: does what it is told, until who started it is gone.
type Answer = (...args: unknown[]) => Promise<unknown>;

process.on('message', (m: { id: number; method: keyof typeof methods; args: unknown[] }) => {
  (methods[m.method] as Answer)(...m.args).then(
    (answer) => process.send?.({ id: m.id, answer }),
    (error: unknown) => process.send?.({ id: m.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
