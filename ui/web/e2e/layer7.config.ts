// Tests in a real browser of requests: they share a lab with a proxy.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    dir: 'e2e',
    include: ['**/*.layer7.ts'],
    fileParallelism: false,
    testTimeout: 45_000,
    hookTimeout: 45_000,
    retry: 1,
  },
});
