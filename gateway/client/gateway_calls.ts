/**
 * How a client calls: with a deadline, and with errors in words for a person.
 *
 * @module
 */

import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { type CallOptions, Code, ConnectError } from "@connectrpc/connect";
import { CodedError } from "../../proto/errors.ts";
import { CLIENT_CALL_MS_MAX } from "../../proto/limits.ts";
import { type CallPlace, gatewayErrorOf } from "./gateway_error.ts";

/** Makes the calls of one client. */
export class GatewayCalls {
  readonly #place: Omit<CallPlace, "action">;
  readonly #timeoutMs: number;

  constructor(place: Omit<CallPlace, "action">, timeoutMs = CLIENT_CALL_MS_MAX) {
    this.#place = place;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Makes one call. `action` continues "Cannot".
   *
   * @throws {CodedError}
   */
  async call<T>(action: string, send: (options: CallOptions) => Promise<T>): Promise<T> {
    try {
      return await send({ timeoutMs: this.#timeoutMs });
    } catch (error) {
      throw toGatewayError(error, { ...this.#place, action });
    }
  }

  /** Passes a stream on, without what `convert` has no value for. It has no deadline. */
  async *stream<Message, Value>(
    action: string,
    messages: AsyncIterable<Message>,
    convert: (message: Message) => Value | null,
  ): AsyncGenerator<Value, void, void> {
    try {
      for await (const message of messages) {
        const value = convert(message);
        if (value !== null) yield value;
      }
    } catch (error) {
      throw toGatewayError(error, { ...this.#place, action });
    }
  }
}

function toGatewayError(error: unknown, place: CallPlace): CodedError {
  if (error instanceof CodedError) return error;
  const cause = ConnectError.from(error);
  return gatewayErrorOf({
    code: Code[cause.code].replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase(),
    detail: cause.rawMessage,
    hint: cause.findDetails(StringValueSchema)[0]?.value ?? null,
    // Errors of the connection carry the error of the system as their cause.
    isFromGateway: cause.cause === undefined,
    cause,
  }, place);
}
