/** Exec, attach and port-forward through the URLs the shim hands out. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { startTestRuntime, type TestRuntime, until } from './testing/dockerd.js';
import { runInNamespace } from './testing/netns-client.js';
import { output, runPod, startContainer, type TestPod } from './testing/pods.js';

let runtime: TestRuntime;
let pod: TestPod;
before(async () => {
  runtime = await startTestRuntime();
  pod = await runPod(runtime);
});
after(() => runtime.close());

test('exec: streams, exit code, stdin to its end', async () => {
  const id = await startContainer(runtime, pod);
  const script = 'cat; echo problem >&2; exit 5';
  const { url } = await runtime.cri.exec({
    container_id: id,
    cmd: ['sh', '-c', script],
    stdin: true,
    stdout: true,
    stderr: true,
  });
  const result = await runInNamespace(runtime.netns, { kind: 'command', url, stdin: 'x'.repeat(500_000) });
  assert.deepEqual(result, { stdout: 'x'.repeat(500_000), stderr: 'problem\n', exitCode: 5 });
  // A URL works once.
  await assert.rejects(runInNamespace(runtime.netns, { kind: 'command', url, stdin: '' }), /404/);
});

test('exec with a terminal: size and control keys reach the command', async () => {
  const id = await startContainer(runtime, pod);
  const { url } = await runtime.cri.exec({
    container_id: id,
    cmd: ['sh', '-c', 'read line; stty size; test -t 0 && echo terminal; exit 0'],
    stdin: true,
    stdout: true,
    tty: true,
  });
  const size = { width: 111, height: 33 };
  const result = await runInNamespace(runtime.netns, { kind: 'command', url, stdin: 'go\n', tty: true, size });
  assert.match(result.stdout ?? '', /33 111\r\nterminal\r\n$/);
  assert.equal(result.exitCode, 0);
});

test('exec of what does not exist, bad requests', async () => {
  const { cri } = runtime;
  const id = await startContainer(runtime, pod);
  const { url } = await cri.exec({ container_id: id, cmd: ['none'], stdout: true, stderr: true });
  const result = await runInNamespace(runtime.netns, { kind: 'command', url });
  // As Docker tells it: in the output, with the shell's exit code.
  assert.match(result.stdout ?? '', /executable file not found/);
  assert.ok(result.exitCode === 126 || result.exitCode === 127);
  await assert.rejects(cri.exec({ container_id: id, cmd: ['sh'] }), { code: 'INVALID_ARGUMENT' });
  await assert.rejects(cri.exec({ container_id: id, cmd: [], stdout: true }), { code: 'INVALID_ARGUMENT' });
  const both = { container_id: id, cmd: ['sh'], stdout: true, stderr: true, tty: true };
  await assert.rejects(cri.exec(both), { code: 'INVALID_ARGUMENT' });
  await cri.stopContainer({ container_id: id, timeout: 0 });
  await assert.rejects(cri.exec({ container_id: id, cmd: ['sh'], stdout: true }), { code: 'FAILED_PRECONDITION' });
});

test('a command ends with the client that has gone away', async () => {
  const { cri } = runtime;
  const id = await startContainer(runtime, pod);
  const cmd = ['sh', '-c', 'echo here; sleep 7777 & wait'];
  const { url } = await cri.exec({ container_id: id, cmd, stdout: true });
  await runInNamespace(runtime.netns, { kind: 'command', url, leave: true });
  await until(async () => assert.doesNotMatch(await output(cri, id, 'ps'), /sleep 7777/));
});

test('attach: to a shell that ends with its stdin', async () => {
  const { cri } = runtime;
  const id = await startContainer(runtime, pod, '', { command: ['/bin/sh'], stdin: true, stdin_once: true });
  const { url } = await cri.attach({ container_id: id, stdin: true, stdout: true, stderr: true });
  const result = await runInNamespace(runtime.netns, { kind: 'command', url, stdin: 'echo hello; echo oops >&2\n' });
  assert.deepEqual(result, { stdout: 'hello\n', stderr: 'oops\n', exitCode: 0 });
  await until(async () => {
    assert.equal((await cri.containerStatus({ container_id: id })).status?.state, 'CONTAINER_EXITED');
  });
});

test('attach: a stdin for many clients outlives each of them, whose end is the end of its attach', async () => {
  const { cri } = runtime;
  const command = ['sh', '-c', 'cat >/tmp/in; sleep 7777'];
  const id = await startContainer(runtime, pod, '', { command, stdin: true, stdin_once: false });
  for (const line of ['one\n', 'two\n']) {
    const { url } = await cri.attach({ container_id: id, stdin: true, stdout: true, stderr: true });
    await runInNamespace(runtime.netns, { kind: 'command', url, stdin: line });
  }
  await until(async () => assert.equal(await output(cri, id, 'cat', '/tmp/in'), 'one\ntwo'));
  assert.equal((await cri.containerStatus({ container_id: id })).status?.state, 'CONTAINER_RUNNING');
});

test('port-forward: into the pod’s network and the host’s, errors to the client', async () => {
  const { cri } = runtime;
  const server = 'mkdir -p /www; echo page >/www/index.html; httpd -f -p 8080 -h /www';
  const hostPod = await runPod(runtime, { linux: { security_context: { namespace_options: { network: 'NODE' } } } });
  const context = { security_context: { namespace_options: { network: 'NODE' as const } } };
  for (const [target, linux] of [
    [pod, undefined],
    [hostPod, context],
  ] as const) {
    const id = await startContainer(runtime, target, server, { linux });
    await until(() => output(cri, id, 'wget', '-qO-', 'http://127.0.0.1:8080/'));
    const { url } = await cri.portForward({ pod_sandbox_id: target.id, port: [8080] });
    const get = 'GET / HTTP/1.0\r\n\r\n';
    const result = await runInNamespace(runtime.netns, { kind: 'forward', url, ports: [8080, 8080, 9], send: get });
    // Not the same to the letter: each has the second that it was given in.
    for (const i of [0, 1]) assert.match(result.answers?.[i] ?? '', /200 OK[\s\S]*page\n$/);
    assert.match(result.errors?.[2] ?? '', /error forwarding port 9: .*ECONNREFUSED/);
  }
});

test('host ports lead to the pod', async () => {
  const { cri } = runtime;
  const exposed = await runPod(runtime, { port_mappings: [{ container_port: 8080, host_port: 18080 }] });
  const server = 'mkdir -p /www; echo exposed >/www/index.html; httpd -f -p 8080 -h /www';
  await startContainer(runtime, exposed, server);
  const { status } = await cri.podSandboxStatus({ pod_sandbox_id: exposed.id });
  const script = 'process.stdout.write(await (await fetch(process.argv[1])).text())';
  const inNamespace = (url: string) => {
    const args = [`--net=/run/netns/${runtime.netns}`, process.execPath, '--input-type=module', '-e', script, url];
    return execFileSync('nsenter', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  };
  await until(() => assert.equal(inNamespace(`http://${status?.network?.ip}:8080/`), 'exposed\n'));
  const address = execFileSync('ip', ['-n', runtime.netns, '-4', '-o', 'addr', 'show', 'cni0'], { encoding: 'utf8' });
  const host = /inet ([\d.]+)/.exec(address)?.[1];
  assert.equal(inNamespace(`http://${host}:18080/`), 'exposed\n');
});
