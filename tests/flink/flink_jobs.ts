import { until } from "../support/executable.ts";

/** What the JobManager tells of a job, by its REST API. */
export class FlinkJobs {
  constructor(private readonly restUrl: string) {}

  /** Waits until a job has ended by itself. @throws when it fails. */
  async finished(id: string): Promise<void> {
    const state = await until(async () => {
      const { state } = await this.get(`/jobs/${id}`);
      return ["FAILED", "CANCELED", "FINISHED"].includes(state) && String(state);
    }, `the end of job ${id}`);
    if (state !== "FINISHED") throw new Error(`the job is ${state}: ${await this.cause(id)}`);
  }

  /** Waits until so many more checkpoints are done. */
  async checkpoints(id: string, more: number): Promise<void> {
    const done = async () => Number((await this.get(`/jobs/${id}/checkpoints`)).counts?.completed ?? 0);
    const before = await done();
    await until(async () => await done() >= before + more, `${more} checkpoints of job ${id}`);
  }

  /** How often a job has begun again after a failure. */
  async restarts(id: string): Promise<number> {
    const [metric] = await this.get(`/jobs/${id}/metrics?get=numRestarts`);
    return Number(metric?.value ?? 0);
  }

  async cancel(id: string): Promise<void> {
    await (await fetch(`${this.restUrl}/jobs/${id}?mode=cancel`, { method: "PATCH" })).body?.cancel();
    const isCanceled = async () => (await this.get(`/jobs/${id}`)).state === "CANCELED";
    await until(isCanceled, `the end of job ${id}`);
  }

  /** Ends all jobs that there are. */
  async cancelAll(): Promise<void> {
    const { jobs } = await this.get("/jobs/overview");
    for (const { jid, state } of jobs) if (state !== "CANCELED") await this.cancel(jid);
  }

  /** Lets a job close all windows, commit, and end. */
  async drain(id: string): Promise<void> {
    const response = await fetch(`${this.restUrl}/jobs/${id}/stop`, {
      method: "POST",
      body: JSON.stringify({ drain: true }),
      headers: { "content-type": "application/json" },
    });
    await response.body?.cancel();
    await this.finished(id);
  }

  private async cause(id: string): Promise<string> {
    const { exceptionHistory } = await this.get(`/jobs/${id}/exceptions`);
    return String(exceptionHistory?.entries?.[0]?.stacktrace).slice(0, 2000);
  }

  // deno-lint-ignore no-explicit-any
  private async get(path: string): Promise<any> {
    return await (await fetch(`${this.restUrl}${path}`)).json();
  }
}
