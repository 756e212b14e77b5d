// Shortcuts: one key each, not while something is typed.

export interface Shortcut {
  keys: string;
  does: string;
}

/** For the help; what each key does is said where it is handled. */
export const SHORTCUTS: { title: string; keys: Shortcut[] }[] = [
  {
    title: 'Everywhere',
    keys: [
      { keys: '/', does: 'Type a filter' },
      { keys: 'Space', does: 'Pause, and go on' },
      { keys: 'd', does: 'Only what was dropped, and back' },
      { keys: 'c', does: 'Clear all filters' },
      { keys: '1 2 3 4', does: 'Overview, map, flows, nodes' },
      { keys: 'u', does: 'Times in UTC, and in your zone' },
      { keys: 't', does: 'Dark, light, as the system has it' },
      { keys: '?', does: 'This help' },
      { keys: 'Esc', does: 'Close what is open' },
    ],
  },
  {
    title: 'In the table',
    keys: [
      { keys: '↑ ↓  j k', does: 'Next and previous flow' },
      { keys: 'PgUp PgDn Home End', does: 'Far through the table' },
      { keys: 'Enter', does: 'Open the flow' },
      { keys: 'i', does: 'Filter by a cell of the flow' },
    ],
  },
  {
    title: 'On the time axis',
    keys: [
      { keys: '← →', does: 'Move the cursor' },
      { keys: 'Shift ← →', does: 'Select a stretch of time' },
      { keys: 'Enter', does: 'Show only what is selected' },
    ],
  },
  {
    title: 'On the map',
    keys: [
      { keys: 'Tab', does: 'Next workload' },
      { keys: 'Enter', does: 'Filter by it, or open its namespace' },
      { keys: '+ −  0', does: 'Zoom in, zoom out, all of it' },
    ],
  },
];

/** Whether a key goes into a field. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
