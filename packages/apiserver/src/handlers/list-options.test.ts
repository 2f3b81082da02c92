import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StatusError } from '@kubelab/apimachinery';
import { validateListOptions, validateWatchOptions } from './list-options.js';

const codeOf = (check: (query: URLSearchParams) => void, query: string) => {
  try {
    check(new URLSearchParams(query));
    return 200;
  } catch (error) {
    assert.ok(error instanceof StatusError);
    return error.code;
  }
};

describe('list options', () => {
  const lists: [string, number][] = [
    ['', 200],
    ['resourceVersion=5&resourceVersionMatch=Exact', 200],
    ['resourceVersion=0&resourceVersionMatch=NotOlderThan', 200],
    ['resourceVersion=0&resourceVersionMatch=Exact', 422],
    ['resourceVersionMatch=Exact', 422],
    ['resourceVersion=5&resourceVersionMatch=Other', 422],
    ['sendInitialEvents=true', 422],
    ['resourceVersion=5&continue=x', 400],
  ];
  for (const [query, code] of lists) {
    it(`list ${query}`, () => assert.equal(codeOf(validateListOptions, query), code));
  }
  const watches: [string, number][] = [
    ['', 200],
    ['sendInitialEvents=true&resourceVersionMatch=NotOlderThan', 200],
    ['sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=4', 200],
    ['sendInitialEvents=true', 422],
    ['resourceVersionMatch=NotOlderThan', 422],
    ['sendInitialEvents=true&resourceVersionMatch=Exact', 422],
  ];
  for (const [query, code] of watches) {
    it(`watch ${query}`, () => assert.equal(codeOf(validateWatchOptions, query), code));
  }
});
