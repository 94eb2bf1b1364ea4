import { describe, expect, it } from 'vitest';
import { parseArguments, UsageError } from './arguments.ts';

describe('the command line of npm run test:faults', () => {
  it('counts the seeds up from the one that is given', () => {
    expect(parseArguments(['--seed', '7', '--seeds', '3']).seeds).toEqual([7, 8, 9]);
  });

  it('draws as many seeds as are asked for', () => {
    expect(new Set(parseArguments(['--seeds', '5']).seeds).size).toBe(5);
  });

  it('runs every part, or the one that is named', () => {
    expect(parseArguments([]).parts).toEqual([
      'records',
      'imports',
      'events',
      'calls',
      'deaths',
      'import-deaths',
      'queue-deaths',
    ]);
    expect(parseArguments(['--only', 'imports']).parts).toEqual(['imports']);
  });

  it('makes record storms of all stories, or of those that are named', () => {
    expect(parseArguments([]).stories).toBe('');
    expect(parseArguments(['--stories', 'notes']).stories).toBe('notes');
  });

  it.each([
    ['--messages', 'many'],
    ['--messages', '-1'],
    ['--messages', ''],
    ['--rows', '1e3'],
    ['--rows', '0x10'],
    ['--seed', '1.5'],
    ['--seed', 'NaN'],
    ['--seeds', '0'],
    ['--only', 'everything'],
    ['--unknown', '1'],
  ])('refuses %s %j and names the option', (option, value) => {
    const parse = () => parseArguments([option, value]);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(option);
  });
});
