import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { kubectlVersions } from './testing/kubectl-versions.js';
import { TestApiServer } from './testing/test-api-server.js';

const manifest = (image: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
data: {a: "1"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {containers: [{name: c, image: ${image}, ports: [{containerPort: 80}]}]}
`;

describe('kubectl', () => {
  let server: TestApiServer;
  before(async () => {
    server = await TestApiServer.start();
  });
  after(() => server.remove());

  for (const binary of kubectlVersions()) {
    test(binary, async () => {
      const namespace = `k${kubectlVersions().indexOf(binary)}`;
      const run = async (args: string, input?: string) => {
        const { code, out, err } = await server.kubectl(['-n', namespace, ...args.split(' ')], {
          binary,
          ...(input === undefined ? {} : { input }),
        });
        assert.equal(code, 0, `kubectl ${args}: ${err}`);
        return out;
      };
      await run(`create namespace ${namespace}`);
      await run('create configmap a --from-literal=x=1');
      await run('create secret generic s --from-literal=k=v');
      await run('create deployment web --image=nginx --replicas=3');
      assert.match(await run('get deployment web -o wide'), /web\s+0\/3\s+0\s+0\s+\d+s\s+nginx\s+nginx\s+app=web/);
      await run('scale deployment web --replicas=5');
      assert.equal(await run('get deployment web -o jsonpath={.spec.replicas}'), '5');
      await run('expose deployment web --port=80 --type=NodePort');
      assert.match(await run('get service web'), /web\s+NodePort\s+10\.96\.\d+\.\d+\s+<none>\s+80:3\d{4}\/TCP/);
      await run('set image deployment/web nginx=nginx:2');
      await run('label configmap a team=x');
      assert.match(await run('get configmaps -l team=x -o name'), /^configmap\/a$/m);
      assert.match(await run('get configmaps --field-selector metadata.name=a --no-headers'), /^a\s+1\s/);
      await run('patch configmap a -p {"data":{"y":"2"}}');
      await run('patch configmap a --type=json -p [{"op":"remove","path":"/data/x"}]');
      assert.equal(await run('get configmap a -o jsonpath={.data}'), '{"y":"2"}');
      await run('apply -f -', manifest('nginx:1'));
      assert.match(await run('apply -f -', manifest('nginx:1')), /deployment.apps\/app unchanged/);
      const diff = await server.kubectl(['-n', namespace, 'diff', '-f', '-'], { binary, input: manifest('nginx:2') });
      assert.equal(diff.code, 1, diff.err);
      assert.match(diff.out, /\+ +- image: nginx:2/);
      assert.match(await run('apply -f -', manifest('nginx:2')), /deployment.apps\/app configured/);
      await run('apply --server-side --force-conflicts -f -', manifest('nginx:3'));
      assert.match(await run('explain deployment.spec.replicas'), /Number of desired pods/);
      assert.match(await run('describe deployment web'), /Replicas:\s+5 desired/);
      await run('delete -f -', manifest('nginx:3'));
      await run('delete deployment,service,configmap --all');
      assert.equal(await run('get all -o name'), '');
      const missing = await server.kubectl(['-n', namespace, 'get', 'pod', 'nope'], { binary });
      assert.match(missing.err, /Error from server \(NotFound\): pods "nope" not found/);
    });
  }
});
