import { expect, it } from 'vitest';
import { codeInOutput, mayHoldSecret } from '../../src/ask/mfa-process.ts';

it.each([
  ['123456\n', '123456'],
  ['aws:alice  123456\n\n', '123456'],
  ['some words\r\n123 456\r\n', '123456'],
  ['111111 222222', '222222'],
  ['label-202401    654321', '654321'],
  ['12345678', undefined],
  ['123456\nbye', undefined],
  ['', undefined],
])('mfa_process finds in %j the code %j', (output, code) => {
  expect(codeInOutput(output)).toBe(code);
});

it.each([
  ['Touch your YubiKey…', false],
  ['Touch slot 2 within 15 seconds (3 tries left)', false],
  ['Touch <b>your</b> YubiKey & wait...', false],
  ['Bitte den Schlüssel berühren', false],
  ['no key for 123456 found', true],
  ['12-34-56', true],
  ['123 456', true],
  ['123', true],
  ['+ curl -d secret', true],
  ['seed=abc', true],
  ['JBSWY3DPEHPK3PXP', true],
  ['JBSW Y3DP EHPK 3PXP', true],
  ['JBSW EHPK', true],
  ['wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', true],
  ['abcd+efgh/ijklmnopqrst', true],
  ['password: swordfish', true],
  ['the PIN is horse', true],
  ['token swordfish1', true],
  ['AKIAIOSFODNN7EXAMPLE', true],
])('a message of mfa_process is shown if it has only ordinary words: %j', (message, isSecret) => {
  expect(mayHoldSecret(message)).toBe(isSecret);
});
