/** Line icons on a 24-pixel grid. */

const PATHS = {
  bell: "M6 9a6 6 0 1 1 12 0v4l2 4H4l2-4zM10 20a2 2 0 0 0 4 0",
  inbox: "M3 13h5l2 3h4l2-3h5M5 5h14l2 8v6H3v-6z",
  send: "M21 3 3 11l7 3 3 7zM10 14l5-5",
  people: "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21c0-4 3-7 7-7s7 3 7 7M17 4a4 4 0 0 1 0 7M19 14c2 1 3 4 3 7",
  template: "M5 3h10l4 4v14H5zM9 12h6M9 16h6M9 8h3",
  queue: "M4 6h16M4 12h16M4 18h10",
  chart: "M4 20V4M4 20h16M8 16l4-5 3 3 5-7",
  system: "M3 12h4l3-8 4 16 3-8h4",
  alert: "M12 3 2 20h20zM12 10v4M12 17v.5",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM21 21l-5-5",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  plus: "M12 5v14M5 12h14",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
