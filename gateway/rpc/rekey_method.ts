/**
 * Changes the key that encrypts the keys of credentials.
 *
 * @module
 */

import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Extensions } from "../../proto/gen/openshell/ext/v1/ext_pb.ts";

export interface RekeyPorts {
  /** Returns how many credentials were changed. */
  readonly rekey: () => Promise<number>;
  /** Records a change that belongs to no sandbox. */
  readonly recordProvider: (state: string, message: string) => Promise<void>;
  readonly whoCalls: (context: HandlerContext) => string;
}

export function rekeyMethod(
  { rekey, recordProvider, whoCalls }: RekeyPorts,
): Pick<ServiceImpl<typeof Extensions>, "rekeyCredentials"> {
  // One at a time: two would each make a next key.
  let last: Promise<unknown> = Promise.resolve();
  return {
    async rekeyCredentials(_request, context) {
      const mine = last.then(rekey, rekey);
      last = mine.catch(() => {});
      const credentials = await mine;
      const message = `the keys of ${credentials} credentials, by ${whoCalls(context)}`;
      await recordProvider("rekeyed", message);
      return { credentials: BigInt(credentials) };
    },
  };
}
