import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goJsonError } from './go-json-error.js';

test("broken JSON is described in Go's words", () => {
  const cases: [string, string | undefined][] = [
    ['{}', undefined],
    [' {"a":[1,-0.5e+3,true,null,"\\u00e4"]} ', undefined],
    ['{', 'unexpected end of JSON input'],
    ['', 'unexpected end of JSON input'],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['{"a":}', "invalid character '}' looking for beginning of value"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['nul', 'unexpected end of JSON input'],
    ['nuh', "invalid character 'h' in literal null (expecting 'l')"],
    ['-', 'unexpected end of JSON input'],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ["'", "invalid character '\\'' looking for beginning of value"],
  ];
  for (const [text, message] of cases) assert.equal(goJsonError(text), message, text);
});
