// What most commands need, for build.js: one file is read sooner than thirty.
import "./run-route.ts";
import "./usage-fault.ts";
import "./output/cut.ts";
import "./output/duration.ts";
import "./output/cell.ts";
import "./output/column.ts";
import "./output/text-width.ts";

export { CommanderError } from "commander";
export { buildProgram } from "./program.ts";
export { usageFault } from "./usage-fault.ts";
