// Takes the documentation's pictures.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { dir: 'e2e', include: ['**/*.shots.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
});
