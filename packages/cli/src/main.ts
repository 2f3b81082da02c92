import { runComponent } from '@kubelab/component-base';

// The supervisor runs all the time: it goes without the libraries of the other commands, which would double its memory.
if (process.argv[2] === 'supervise') {
  const { superviseComponent } = await import('./supervise/component.js');
  process.argv.splice(2, 1);
  await runComponent(superviseComponent);
} else {
  const { runKubelab } = await import('./kubelab.js');
  process.exitCode = await runKubelab(process.argv.slice(2));
}
