import { methods, serve } from './talk.js';

// One of the test's namespaces: serves, and asks others when told to. agent.js NAME
type Answer = (...args: unknown[]) => Promise<unknown>;

process.on('message', (m: { id: number; method: keyof typeof methods; args: unknown[] }) => {
  (methods[m.method] as Answer)(...m.args).then(
    (answer) => process.send?.({ id: m.id, answer }),
    (error: unknown) => process.send?.({ id: m.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
await serve(process.argv[2] ?? '');
process.send?.({ id: 0 });
