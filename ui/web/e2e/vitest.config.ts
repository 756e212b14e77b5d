// Tests in a real browser, one after the other: they share a lab.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    dir: 'e2e',
    include: ['**/*.e2e.ts'],
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 90_000,
    // A browser on a busy machine is late at times. What passes only then is named in the report.
    retry: 1,
  },
});
