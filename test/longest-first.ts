import { BaseSequencer, type TestSpecification } from 'vitest/node';

const projects = ['stack', 'e2e', 'unit'];

/** Starts with the projects whose files take longest and wait most, and ends with short ones, so that no worker idles at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ project }: TestSpecification) => projects.indexOf(project.name);
    return sorted.toSorted((one, other) => rank(one) - rank(other));
  }
}
