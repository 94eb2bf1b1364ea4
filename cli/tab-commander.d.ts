declare module '@bomb.sh/tab/commander' {
  import type { CommandUnknownOpts } from '@commander-js/extra-typings';

  /** Adds the command `complete`. Its own types know the commands of commander alone, not those with typed options. */
  function addCompletion(program: CommandUnknownOpts): unknown;
  export = addCompletion;
}
