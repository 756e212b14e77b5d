// Builds the page into dist/. Relative addresses throughout: the server says by <base> where it is.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  base: './',
  build: {
    target: 'es2022',
    // dist/ keeps its .gitignore: scripts/clean.mjs empties the rest.
    emptyOutDir: false,
    // The content security policy lets nothing inline through.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  worker: { format: 'es' },
  // Layouts of large maps take seconds, and many of them beside other work.
  test: { testTimeout: 120_000 },
  server: {
    port: 12001,
    proxy: { '/api': process.env.FLOWS_UI_URL ?? 'http://127.0.0.1:12000' },
  },
});
