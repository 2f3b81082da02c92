import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ResourceTable } from '@kubelab/api';
import { formatFieldError, type KubeObject } from '@kubelab/apimachinery';
import type { Writer } from '../registry/writer.js';
import { MemoryObjects } from '../test-objects.js';
import { CustomResourceController } from './controller.js';
import { customResourceEntry } from './custom-resource.js';
import { type CustomResourceDefinition, crdResource } from './definition.js';
import { validateDefinition } from './validate-definition.js';

const nobody = { post: async () => assert.fail('no webhook is asked') };

function definition(plural = 'crontabs', kind = 'CronTab'): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com`, generation: 1 },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List`, shortNames: ['ct'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  properties: {
                    size: { type: 'integer', minimum: 1, default: 2 },
                    mode: { type: 'string', enum: ['a', 'b'] },
                  },
                },
                status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              },
            },
          },
        },
      ],
    },
  };
}

const context = { version: 'v1' };
const crontab = (spec: object): KubeObject => ({
  apiVersion: 'example.com/v1',
  kind: 'CronTab',
  metadata: { name: 'a' },
  spec: spec as Record<string, unknown>,
});

describe('definitions', () => {
  it('are validated', () => {
    assert.deepEqual(validateDefinition(definition()), []);
    const change = (f: (d: CustomResourceDefinition) => void) => {
      const d = definition();
      f(d);
      return validateDefinition(d).map(formatFieldError);
    };
    const version = (d: CustomResourceDefinition) => d.spec.versions[0] as NonNullable<(typeof d.spec.versions)[0]>;
    const cases: [(d: CustomResourceDefinition) => void, RegExp][] = [
      [
        (d) => (d.metadata.name = 'x'),
        /metadata\.name: Invalid value: "x": must be spec\.names\.plural\+"\."\+spec\.group/,
      ],
      [(d) => (version(d).storage = false), /must have exactly one version marked as storage version/],
      [
        (d) => (version(d).schema = {}),
        /spec\.versions\[0\]\.schema\.openAPIV3Schema: Required value: schemas are required/,
      ],
      [
        (d) => (d.spec.scope = 'Both'),
        /spec\.scope: Unsupported value: "Both": supported values: "Cluster", "Namespaced"/,
      ],
      [
        (d) => (version(d).schema = { openAPIV3Schema: { type: 'object', properties: { spec: {} } } }),
        /properties\[spec\]\.type: Required value: must not be empty for specified object fields/,
      ],
      [
        (d) =>
          (version(d).schema = {
            openAPIV3Schema: {
              type: 'object',
              properties: { l: { type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' } },
            },
          }),
        /x-kubernetes-list-map-keys: Required value/,
      ],
      [
        (d) =>
          (version(d).schema = {
            openAPIV3Schema: { type: 'object', 'x-kubernetes-validations': [{ rule: 'self.' }] },
          }),
        /x-kubernetes-validations\[0\]\.rule: Invalid value/,
      ],
    ];
    for (const [f, expected] of cases) assert.match(change(f).join('\n'), expected);
  });
});

describe('rows of custom resources', () => {
  const row = customResourceEntry(definition(), nobody);
  it('default, validate, ratchet and print', () => {
    const obj = crontab({});
    row.defaults?.(obj, 'v1');
    assert.deepEqual(obj.spec, { size: 2 });
    assert.deepEqual(
      row.columns.map((c) => c.cell(obj)),
      ['a', 2],
    );
    const errors = (o: KubeObject, old?: KubeObject) =>
      (old ? row.strategy.validateUpdate?.(o, old, context) : row.strategy.validateCreate?.(o, context))?.map(
        formatFieldError,
      );
    assert.deepEqual(errors(crontab({ size: 0 })), [
      'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
    ]);
    // What was wrong before a stricter schema may stay while it is not touched.
    assert.deepEqual(errors(crontab({ size: 0, mode: 'a' }), crontab({ size: 0 })), []);
    assert.equal(errors(crontab({ size: -1 }), crontab({ size: 0 }))?.length, 1);
  });
  it('keep spec and status apart and count generations', () => {
    const old: KubeObject = { ...crontab({ size: 1 }), status: { x: 1 } };
    old.metadata.generation = 1;
    const main: KubeObject = { ...crontab({ size: 2 }), status: { x: 2 } };
    row.strategy.prepareForUpdate?.(main, old, context);
    assert.deepEqual([main.spec, main.status, main.metadata.generation], [{ size: 2 }, { x: 1 }, 2]);
    const status: KubeObject = { ...crontab({ size: 3 }), status: { x: 3 } };
    row.subresources.status?.strategy?.prepareForUpdate?.(status, old, context);
    assert.deepEqual([status.spec, status.status, status.metadata.generation], [{ size: 1 }, { x: 3 }, 1]);
  });
});

describe('the controller', () => {
  it('establishes, serves, refuses taken names and withdraws', async () => {
    const objects = new MemoryObjects();
    const table = new ResourceTable();
    const messages: string[] = [];
    const log = { info: () => undefined, warn: (m: string) => messages.push(m) };
    const controller = new CustomResourceController(objects, table, {} as Writer, log, nobody);
    const stop = await controller.start();
    const until = async (test: () => Promise<boolean> | boolean) => {
      // The controller works in timers of 0 ms; each look lets them run.
      while (!(await test())) await new Promise((r) => setImmediate(r));
    };
    const get = async (name: string) =>
      (await objects.get(crdResource, '', name)) as CustomResourceDefinition | undefined;
    objects.put(crdResource, definition());
    await until(() => table.lookup('example.com', 'v1', 'crontabs') !== undefined);
    assert.deepEqual(
      (await get('crontabs.example.com'))?.status?.conditions?.map((c) => [c.type, c.status]),
      [
        ['NamesAccepted', 'True'],
        ['Established', 'True'],
      ],
    );
    objects.put(crdResource, definition('others', 'Other'));
    await until(async () => ((await get('others.example.com'))?.status?.conditions ?? []).length > 0);
    const condition = (await get('others.example.com'))?.status?.conditions?.[0];
    assert.deepEqual([condition?.reason, condition?.message], ['ShortNamesConflict', '"ct" is already in use']);
    await objects.delete(crdResource, '', 'crontabs.example.com');
    assert.equal(table.lookup('example.com', 'v1', 'crontabs'), undefined);
    stop();
    assert.deepEqual(messages, []);
  });
});
