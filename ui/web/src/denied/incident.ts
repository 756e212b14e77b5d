// What is said of an incident, and which is which.

import { clock, stamp, visible } from '../format';
import type { Acknowledgement, Incident, IncidentEnd } from '../openapi';

/** `shop/web`. */
export function endName({ namespace, name }: IncidentEnd): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** How it stands, in words. */
export function standing({ status, allowed_since }: Pick<Incident, 'status' | 'allowed_since'>): string {
  if (status === 'ongoing') return 'Ongoing';
  if (status === 'quiet') return 'Quiet';
  return allowed_since === undefined ? 'Allowed since' : `Allowed since ${clock(allowed_since, 1000)}`;
}

/** What is denied, each by itself. */
export function unit({ request }: Pick<Incident, 'request'>): 'request' | 'connection' {
  return request ? 'request' : 'connection';
}

/** What the drawer is about: a connection, or the flow of a denied request. */
export function opened({ connection, flow }: { connection: string | null; flow: string | null }): string | null {
  return connection ?? flow;
}

/** The incident of a connection or request that is open: the one that was chosen, else the one whose newest it is. */
export function incidentOf(all: readonly Incident[], connection: string, chosen: { id: string; connection: string } | null): Incident | undefined {
  const id = chosen?.connection === connection ? chosen.id : null;
  return all.find((incident) => (id === null ? incident.newest === connection : incident.id === id));
}

/** Those to show: what somebody knows of comes last, or is left out. */
export function arranged(all: readonly Incident[], acknowledged: ReadonlyMap<string, unknown>, without: boolean): Incident[] {
  const open = all.filter(({ id }) => !acknowledged.has(id));
  return without ? open : [...open, ...all.filter(({ id }) => acknowledged.has(id))];
}

const DAY = 86_400_000;

/** `Acknowledged by ann until 17:00: moves on Monday`. */
export function said({ by, until, reason }: Acknowledgement, now: number): string {
  const when = until - now < DAY ? clock(until, 60_000) : stamp(until).replace(/:\d\d\.\d+/, '');
  return visible(`Acknowledged by ${by} until ${when}${reason && `: ${reason}`}`);
}

export type Until = '1h' | '8h' | 'tomorrow' | 'date';

/** The moment of a choice, in Unix milliseconds. `tomorrow`: at nine o'clock of the page's zone; `west`: minutes by which it is west of Greenwich at a time. */
export function moment(choice: Exclude<Until, 'date'>, now: number, west: (time: number) => number): number {
  if (choice !== 'tomorrow') return now + (choice === '1h' ? 1 : 8) * 3_600_000;
  const local = now - west(now) * 60_000;
  const nine = Math.floor(local / DAY) * DAY + DAY + 9 * 3_600_000;
  // Between now and then the clocks may change.
  return nine + west(nine + west(now) * 60_000) * 60_000;
}
