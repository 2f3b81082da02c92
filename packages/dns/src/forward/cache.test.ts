import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { type QuestionView, readQuestion } from '../wire/message.js';
import { AnswerCache } from './cache.js';

let now = 0;
const cacheOf = (maxEntries = 10) =>
  new AnswerCache({ maxEntries, maxTtlSeconds: 30, maxNegativeTtlSeconds: 10, now: () => now });

function ask(cache: AnswerCache, key: string, name = key) {
  const query = encode({ type: 'query', id: 77, flags: RECURSION_DESIRED, questions: [{ type: 'A', name }] });
  const hit = cache.get(key, query, readQuestion(query) as QuestionView);
  return hit && { ...decode(hit.message), isDue: hit.isDue };
}
const a = (name: string, ttl: number): Answer => ({ type: 'A', name, ttl, data: '192.0.2.1' });
const soa = (ttl: number, minimum: number): Answer => ({
  type: 'SOA',
  name: 'example',
  ttl,
  data: { mname: 'a', rname: 'b', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});
function put(cache: AnswerCache, name: string, flags: number, answers: Answer[], authorities: Answer[] = []): void {
  cache.set(name, encode({ type: 'response', id: 1, flags, questions: [{ type: 'A', name }], answers, authorities }));
}
const ttlOf = (p: ReturnType<typeof ask>) => p?.answers?.map((x) => ('ttl' in x ? x.ttl : undefined));

test('an answer has the id and the spelling of its query, and TTLs counted down', () => {
  now = 0;
  const cache = cacheOf();
  put(cache, 'x.example', 0, [a('x.example', 20), a('x.example', 25)]);
  now = 5_500;
  const hit = ask(cache, 'x.example', 'X.example');
  assert.equal(hit?.id, 77);
  assert.equal(hit?.questions?.[0]?.name, 'X.example');
  assert.deepEqual(ttlOf(hit), [15, 20]);
  now = 20_000;
  assert.equal(ask(cache, 'x.example'), undefined);
});

test('how long: the least TTL, no more than the limit; of a denial the least of TTL and minimum of its SOA', () => {
  now = 0;
  const cache = cacheOf();
  put(cache, 'long.example', 0, [a('long.example', 3600)]);
  put(cache, 'nx.example', 3, [], [soa(60, 5)]);
  put(cache, 'nodata.example', 0, [], [soa(4, 60)]);
  put(cache, 'late.example', 3, [], [soa(600, 600)]);
  for (const [name, seconds] of [
    ['long.example', 30],
    ['nx.example', 5],
    ['nodata.example', 4],
    ['late.example', 10],
  ] as const) {
    now = seconds * 1000 - 1;
    assert.ok(ask(cache, name), name);
    now = seconds * 1000;
    assert.equal(ask(cache, name), undefined, name);
  }
});

test('not kept: failures, truncated answers, TTL 0, denials without an SOA', () => {
  now = 0;
  const cache = cacheOf();
  put(cache, 'fail.example', 2, []);
  put(cache, 'refused.example', 5, []);
  put(cache, 'cut.example', 0x200, [a('cut.example', 60)]);
  put(cache, 'zero.example', 0, [a('zero.example', 0)]);
  put(cache, 'bare.example', 3, []);
  assert.equal(cache.size, 0);
});

test('what is asked for often is due once, before it runs out', () => {
  now = 0;
  const cache = cacheOf();
  put(cache, 'often.example', 0, [a('often.example', 20)]);
  put(cache, 'seldom.example', 0, [a('seldom.example', 20)]);
  assert.deepEqual(
    [1, 2, 3].map(() => ask(cache, 'often.example')?.isDue),
    [false, false, false],
  );
  now = 18_500;
  assert.deepEqual(
    [1, 2, 3].map(() => ask(cache, 'often.example')?.isDue),
    [true, false, false],
  );
  assert.equal(ask(cache, 'seldom.example')?.isDue, false);
});

test('the least recently used go first', () => {
  now = 0;
  const cache = cacheOf(2);
  for (const name of ['a.example', 'b.example']) put(cache, name, 0, [a(name, 20)]);
  ask(cache, 'a.example');
  put(cache, 'c.example', 0, [a('c.example', 20)]);
  assert.deepEqual(
    ['a.example', 'b.example', 'c.example'].map((name) => ask(cache, name) !== undefined),
    [true, false, true],
  );
});
