import type { Figure } from "@tenantctl/contract";
import { bytesText } from "../output/cell.ts";

/** A figure's value for people. */
export const valueText = (unit: Figure["unit"], value: number | null): string => {
  if (value === null) return "–";
  if (unit === "bytes") return bytesText(Math.round(value));
  if (unit === "percent") return `${Math.round(value)} %`;
  return (Math.abs(value) < 10 ? Math.round(value * 100) / 100 : Math.round(value)).toLocaleString("en-US");
};

/** Whether there is anything to draw. */
export const hasValues = ({ series }: Figure): boolean =>
  series.some(({ values }) => values.some((value) => value !== null));
