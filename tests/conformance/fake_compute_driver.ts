/**
 * A driver that runs nothing: tests say what becomes of its sandboxes.
 *
 * @module
 */

import type { ComputeDriver, DriverReport, DriverSandbox } from "../../drivers/compute/contract.ts";

export class FakeComputeDriver implements ComputeDriver {
  readonly name = "embedded";
  readonly version = "0";
  /** Method calls, oldest first: `start id`. */
  readonly calls: string[] = [];
  /** What it was last asked to run, by id. */
  readonly started = new Map<string, DriverSandbox>();
  /** What it has, by id. */
  readonly reports = new Map<string, DriverReport>();
  /** Runs before a method does its work; it may throw, or wait. */
  before: (method: string, id: string) => void | Promise<void> = () => {};
  readonly #observers = new Set<(report: DriverReport) => void>();

  async validate(sandbox: DriverSandbox): Promise<void> {
    await this.#call("validate", sandbox.id);
  }

  async start(sandbox: DriverSandbox): Promise<void> {
    this.started.set(sandbox.id, sandbox);
    this.report({ id: sandbox.id, state: "starting", step: "starting_sandbox" });
    await this.#call("start", sandbox.id);
    this.report({ id: sandbox.id, state: "running" });
  }

  async stop(id: string): Promise<void> {
    await this.#call("stop", id);
    if (this.reports.has(id)) this.report({ id, state: "stopped" });
  }

  async delete(id: string): Promise<boolean> {
    await this.#call("delete", id);
    return this.reports.delete(id);
  }

  list(): Promise<readonly DriverReport[]> {
    return Promise.resolve([...this.reports.values()]);
  }

  watch(observe: (report: DriverReport) => void): () => void {
    this.#observers.add(observe);
    return () => this.#observers.delete(observe);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Changes what it has, and tells who watches. */
  report(report: DriverReport): void {
    this.reports.set(report.id, report);
    for (const observe of this.#observers) observe(report);
  }

  async #call(method: string, id: string): Promise<void> {
    this.calls.push(`${method} ${id}`);
    await this.before(method, id);
  }
}
