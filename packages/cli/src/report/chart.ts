import type { Figure } from "@tenantctl/contract";
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { valueText } from "./value-text.ts";

use([BarChart, LineChart, GridComponent, SVGRenderer]);

export interface ChartSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Colours that stand for the page's own: an image in the page takes them from its style sheet, so that one drawing is readable
 * on light, on dark and on paper. Nothing else draws with these.
 */
const stands = {
  "#010203": "var(--series-1)",
  "#010204": "var(--series-2)",
  "#010205": "var(--axis)",
  "#010206": "var(--grid)",
} as const;
const [first, second, axis, grid] = Object.keys(stands);

const longestLabel = 22;
const shortened = (label: string): string =>
  label.length > longestLabel ? `${label.slice(0, longestLabel - 1)}…` : label;

const seriesOf = ({ kind, series }: Figure) =>
  series.map(({ name, values }, index) => ({
    name,
    type: kind === "line" ? ("line" as const) : ("bar" as const),
    data: kind === "ranking" ? [...values].reverse() : values,
    color: index === 0 ? first : second,
    silent: true,
    showSymbol: values.filter((value) => value !== null).length < 2,
    symbol: "circle",
    symbolSize: 6,
    barMaxWidth: 26,
    // A line through points is drawn apart from them.
    lineStyle: { width: 2, type: name === "line" ? ("dashed" as const) : ("solid" as const) },
    itemStyle: { borderRadius: kind === "line" ? 0 : 2 },
  }));

/** A figure as an SVG image of so many pixels: no script, and no colours of its own. */
export const chartSvg = (figure: Figure, { width, height }: ChartSize): string => {
  const { kind, unit, labels } = figure;
  const text = { color: axis, fontSize: 12 };
  const classes = {
    type: "category" as const,
    data: kind === "ranking" ? [...labels].reverse().map(shortened) : labels,
    axisLabel: { ...text, hideOverlap: true, ...(kind === "line" ? { formatter: (day: string) => day.slice(5) } : {}) },
    axisLine: { lineStyle: { color: axis } },
    axisTick: { show: false },
    boundaryGap: kind !== "line",
  };
  const amounts = {
    type: "value" as const,
    min: 0,
    minInterval: unit === "percent" || unit === "bytes" ? 0 : 1,
    splitNumber: width < 500 ? 3 : 4,
    axisLabel: { ...text, hideOverlap: true, formatter: (value: number) => valueText(unit, value) },
    splitLine: { lineStyle: { color: grid } },
  };
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: "system-ui, sans-serif" },
      grid: { top: 14, left: 8, right: 24, bottom: 6, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: kind === "ranking" ? amounts : classes,
      yAxis: kind === "ranking" ? classes : amounts,
      series: seriesOf(figure),
    });
    return withPageColours(chart.renderToSVGString());
  } finally {
    // What is not disposed of keeps the process alive.
    chart.dispose();
  }
};

/** Nothing here is to be pointed at, so what a pointer would change goes too. */
const withPageColours = (svg: string): string =>
  Object.entries(stands).reduce(
    (text, [stand, colour]) => text.replaceAll(stand, colour),
    svg.replace(/<style\b[\s\S]*?<\/style>/g, ""),
  );
