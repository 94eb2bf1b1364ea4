import { BaseSequencer, type TestSpecification } from 'vitest/node';

const projects = ['stack', 'e2e', 'unit'];

/** So many unit tests keep the workers busy for as long as the functions are being packaged. */
const meanwhile = 24;

/**
 * Begins with the longest unit tests, while the functions are being packaged. Then come the projects whose files take longest and wait
 * most, and in the end short files, so that no worker idles.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const first = sorted.filter(({ project }) => project.name === 'unit').slice(0, meanwhile);
    const rank = (file: TestSpecification) =>
      first.includes(file) ? -1 : projects.indexOf(file.project.name);
    return sorted.toSorted((one, other) => rank(one) - rank(other));
  }
}
