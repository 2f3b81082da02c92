import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Ask, TestApiServer } from './testing/test-api-server.js';

const configMaps = '/api/v1/namespaces/default/configmaps';
const configMap = (more: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, ...more });

interface Case {
  name: string;
  path: string;
  ask?: Ask;
  code: number;
  reason: string;
  message: RegExp;
}

const cases: Case[] = [
  {
    name: 'malformed JSON',
    path: configMaps,
    ask: { body: '{' },
    code: 400,
    reason: 'BadRequest',
    message:
      /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: unexpected end of JSON input \(\{\)$/,
  },
  {
    name: 'unknown field',
    path: `${configMaps}?fieldValidation=Strict`,
    ask: { body: configMap({ foo: 1 }) },
    code: 400,
    reason: 'BadRequest',
    message: /^ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo"$/,
  },
  {
    name: 'missing name',
    path: configMaps,
    ask: { body: configMap({ metadata: {} }) },
    code: 422,
    reason: 'Invalid',
    message: /^ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required$/,
  },
  {
    name: 'wrong type',
    path: configMaps,
    ask: { body: configMap({ data: 'x' }) },
    code: 400,
    reason: 'BadRequest',
    message:
      /^ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal string into Go struct/,
  },
  {
    name: 'another kind',
    path: configMaps,
    ask: { body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } } },
    code: 400,
    reason: 'BadRequest',
    message: /^Secret in version "v1" cannot be handled as a ConfigMap: converting/,
  },
  {
    name: 'another version',
    path: configMaps,
    ask: { body: configMap({ apiVersion: 'v2' }) },
    code: 400,
    reason: 'BadRequest',
    message: /^the API version in the data \(v2\) does not match the expected API version \(v1\)$/,
  },
  {
    name: 'unknown resource',
    path: '/api/v1/things',
    code: 404,
    reason: 'NotFound',
    message: /^the server could not find the requested resource$/,
  },
  {
    name: 'body of 4 MB',
    path: configMaps,
    ask: { body: configMap({ data: { big: 'x'.repeat(4 << 20) } }) },
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: /^Request entity is too large: limit is 3145728$/,
  },
  {
    name: 'unknown content type',
    path: configMaps,
    ask: { body: 'x', headers: { 'content-type': 'text/plain' } },
    code: 415,
    reason: 'UnsupportedMediaType',
    message: /^the body of the request was in an unknown format - accepted media types include: application\/json/,
  },
  {
    name: 'nothing acceptable',
    path: configMaps,
    ask: { headers: { accept: 'text/html' } },
    code: 406,
    reason: 'NotAcceptable',
    message: /^only the following media types are accepted: application\/json/,
  },
  {
    name: 'a method without a route',
    path: '/api/v1/pods',
    ask: { body: {} },
    code: 405,
    reason: 'MethodNotAllowed',
    message: /^the server does not allow this method on the requested resource$/,
  },
  {
    name: 'a namespace that is not there',
    path: '/api/v1/namespaces/none/configmaps',
    ask: { body: configMap() },
    code: 404,
    reason: 'NotFound',
    message: /^namespaces "none" not found$/,
  },
  {
    name: 'old resourceVersion',
    path: '/api/v1/namespaces/default/services/kubernetes',
    ask: {
      method: 'PUT',
      body: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'kubernetes', resourceVersion: '1' },
        spec: { ports: [{ port: 1 }] },
      },
    },
    code: 409,
    reason: 'Conflict',
    message:
      /^Operation cannot be fulfilled on services "kubernetes": the object has been modified; please apply your changes to the latest version and try again$/,
  },
  {
    name: 'broken selector',
    path: `${configMaps}?labelSelector=a%20in`,
    code: 400,
    reason: 'BadRequest',
    message: /^unable to parse requirement: found '', expected: '\('$/,
  },
  {
    name: 'future resourceVersion',
    path: `${configMaps}?resourceVersion=99999999`,
    code: 504,
    reason: 'Timeout',
    message: /^Timeout: Too large resource version: 99999999, current: \d+$/,
  },
  {
    name: 'no credentials',
    path: configMaps,
    ask: { anonymous: true },
    code: 403,
    reason: 'Forbidden',
    message: /^configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group ""/,
  },
  {
    name: 'wrong token',
    path: configMaps,
    ask: { anonymous: true, headers: { authorization: 'Bearer x' } },
    code: 401,
    reason: 'Unauthorized',
    message: /^Unauthorized$/,
  },
];

describe('broken requests are answered as Kubernetes answers them', () => {
  let server: TestApiServer;
  before(async () => {
    server = await TestApiServer.start();
  });
  after(() => server.remove());

  for (const c of cases) {
    test(c.name, async () => {
      const { status, json } = await server.ask(c.path, c.ask);
      assert.equal(status, c.code);
      assert.equal(json.kind, 'Status');
      assert.equal(json.status, 'Failure');
      assert.equal(json.code, c.code);
      assert.equal(json.reason, c.reason);
      assert.match(json.message, c.message);
    });
  }
});
