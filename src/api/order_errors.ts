import { OrderError } from "../control/order_error.ts";
import { StateError } from "../state/file/state_error.ts";
import { ApiError } from "./api_error.ts";

/** Statuses of the errors that {@link ordering} throws. */
export const ORDER_ERRORS: readonly number[] = [409, 422, 503];

/**
 * Carries out an order, and turns what it throws into the client's error.
 *
 * @throws {ApiError} 422: the order is wrong; 409: not in the present state; 503: the state cannot be used.
 */
export async function ordering<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OrderError) {
      throw error.kind === "wrong"
        ? new ApiError(422, "wrong_order", error.messageOfBody)
        : new ApiError(409, "impossible", error.messageOfBody);
    }
    if (error instanceof StateError) throw new ApiError(503, "state_unavailable", error.message);
    throw error;
  }
}
