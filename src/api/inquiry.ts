import { QuestionError } from "../control/question_error.ts";
import { BusyError } from "../control/state_views.ts";
import { StateError } from "../state/file/state_error.ts";
import { ApiError } from "./api_error.ts";

/** The error statuses of {@link answered}. */
export const OVERLOADED = [503];

/** The answer to a question about the state. @throws {ApiError} 400, 503 */
export async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof BusyError) throw new ApiError(503, "busy", error.message, { "retry-after": "1" });
    if (error instanceof QuestionError) {
      throw new ApiError(400, "bad_request", `parameter "${error.parameter}": ${error.message}`);
    }
    if (error instanceof StateError) throw new ApiError(503, "state_unreadable", error.message);
    throw error;
  }
}
