import { BusyError } from "../control/state_views.ts";
import { StateError } from "../state/file/state_error.ts";
import { ApiError } from "./api_error.ts";

/** The error statuses of {@link answered}. */
export const OVERLOADED = [503];

/** The answer to a question about the state. @throws {ApiError} 503 */
export async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof BusyError) throw new ApiError(503, "busy", error.message, { "retry-after": "1" });
    if (error instanceof StateError) throw new ApiError(503, "state_unreadable", error.message);
    throw error;
  }
}
