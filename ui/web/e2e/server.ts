// A flows-ui process for the tests.

import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask test kernel\``);
  return value;
}

export const screens = variable('FLOWS_SCREENS');

export class Server {
  #process: ChildProcess | null = null;
  url = '';

  /** `args`: what it is told besides where its flows are from and where to listen. */
  constructor(readonly args: readonly string[] = [], readonly source: readonly string[] = ['--lab', variable('FLOWS_LAB')]) {}

  /** Starts it; on the same port as before if it ran before. */
  async start(): Promise<void> {
    const listen = this.url ? new URL(this.url).host : '127.0.0.1:0';
    const process = spawn(variable('FLOWS_UI'), [...this.source, '--listen', listen, ...this.args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = process;
    for await (const line of createInterface({ input: process.stderr! })) {
      // Colours are for terminals: there are none here.
      const url = /url=(http:\S+)/.exec(line)?.[1];
      if (!url) continue;
      this.url = url;
      process.stderr!.resume();
      return;
    }
    throw new Error('flows-ui did not start');
  }

  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = null;
    if (!process || process.exitCode !== null) return;
    const gone = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await gone;
  }

  async ask<T>(path: string, params: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${this.url}api/${path}?${new URLSearchParams(params)}`);
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as T;
  }
}
