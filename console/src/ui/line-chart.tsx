/** One chart of lines over time, with its numbers as a table for whoever can't see it. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

import { formatDay, formatTime, t } from "../language";

export interface Line {
  name: string;
  /** A CSS colour, or the name of a custom property. */
  colour: string;
  /** Null where there is nothing to tell. */
  values: (number | null)[];
  fill?: boolean;
}

interface ChartProps {
  title: string;
  times: string[];
  lines: Line[];
  format: (value: number) => string;
  /** Where the axis ends at the latest: rates end at 100. */
  max?: number;
}

const HEIGHT = 190;
const LABEL_WIDTH = 62;
const AXIS_HEIGHT = 30;

/** A value between two gaps is no line: it is seen only as a point. */
const hasLonePoint = (values: Line["values"]): boolean =>
  values.some((one, index) => one != null && values[index - 1] == null && values[index + 1] == null);

export function LineChart({ title, times, lines, format, max }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = JSON.stringify([times, lines, document.documentElement.dataset["theme"]]);
  useEffect(() => {
    const frame = place.current;
    if (!frame) return;
    const style = getComputedStyle(frame);
    const ink = style.color;
    const grid = { stroke: colourOf(frame, "--edge"), width: 1 };
    const axis = { stroke: ink, grid, ticks: { show: false }, font: `12px ${style.fontFamily}` };
    const plot = new uPlot(
      {
        width: frame.clientWidth,
        height: HEIGHT,
        legend: { live: true },
        cursor: { y: false, points: { size: 7 } },
        scales: { y: { range: (_, __, high) => [0, max ?? Math.max(high * 1.1, 1)] } },
        padding: [12, 24, 0, 0],
        axes: [{ ...axis, size: AXIS_HEIGHT, values: (_, seconds) => seconds.map((one) => tickTitle(one, times)) }, { ...axis, size: LABEL_WIDTH, values: (_, ticks) => ticks.map(format) }],
        series: [
          { label: t("Time"), value: (_, seconds) => (seconds == null ? "–" : formatTime(seconds * 1_000)) },
          ...lines.map((line) => {
            const colour = colourOf(frame, line.colour);
            return {
              label: line.name,
              stroke: colour,
              width: 2,
              points: { size: 5, ...(hasLonePoint(line.values) ? { show: true } : {}) },
              ...(line.fill ? { fill: `color-mix(in srgb, ${colour} 14%, transparent)` } : {}),
              value: (_: uPlot, value: number | null) => (value == null ? "–" : format(value)),
            };
          }),
        ],
      },
      [times.map((time) => Date.parse(time) / 1_000), ...lines.map((line) => line.values)],
      frame,
    );
    const follow = new ResizeObserver(() => plot.setSize({ width: frame.clientWidth, height: HEIGHT }));
    follow.observe(frame);
    return () => {
      follow.disconnect();
      plot.destroy();
    };
  }, [drawn]);
  return (
    <figure class="chart card">
      <figcaption>
        <h2>{title}</h2>
      </figcaption>
      <div ref={place} class="plot" aria-hidden="true" />
      <details>
        <summary>{t("As a table")}</summary>
        <div class="table-frame" tabIndex={0} role="region" aria-label={title}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t("Time")}</th>
                {lines.map((line) => (
                  <th key={line.name} scope="col" class="number">
                    {line.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.map((time, index) => (
                <tr key={time}>
                  <td>{formatTime(time)}</td>
                  {lines.map((line) => (
                    <td key={line.name} class="number">
                      {line.values[index] == null ? "–" : format(line.values[index])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

const DAYS_SHOWN_FROM = 50;

/** The hour, or where there are many of them, the day. */
function tickTitle(seconds: number, times: string[]): string {
  const span = Date.parse(times.at(-1) ?? "") - Date.parse(times[0] ?? "");
  const byDay = span > DAYS_SHOWN_FROM * 3_600_000;
  return byDay ? formatDay(seconds * 1_000) : formatTime(seconds * 1_000, false).slice(0, 5);
}

/** A canvas knows neither custom properties nor light-dark(): the browser resolves them first. */
function colourOf(frame: HTMLElement, property: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${property})`;
  frame.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
