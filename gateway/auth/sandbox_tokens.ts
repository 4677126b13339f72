/**
 * Tokens that supervisors show: signed by the gateway, each for one sandbox.
 *
 * They do not expire, since a sandbox may outlive any time one could choose. They end with their
 * sandbox: whoever verifies one also asks whether it still exists.
 *
 * @module
 */

import { errors, importPKCS8, importSPKI, jwtVerify, SignJWT } from "jose";
import { CodedError } from "../../proto/errors.ts";
import { TOKEN_BYTES_MAX, TOKEN_LEEWAY_S } from "../../proto/limits.ts";
import { UnauthenticatedError } from "./principal.ts";

/** The signing keys cannot be used. */
export class TokenKeyError extends CodedError {
  override readonly name = "TokenKeyError";
  override readonly code = "failed_precondition";

  constructor(options: ErrorOptions) {
    super("Cannot use the gateway's signing keys: they are no Ed25519 key pair in PEM", {
      ...options,
      hint: "Remove them, and the gateway makes new ones when it starts",
    });
  }
}

export interface TokenOptions {
  /** Names the gateway in its tokens, so that those of another one are refused. */
  readonly gatewayId: string;
  /** PKCS #8 in PEM. */
  readonly signingKey: string;
  /** SPKI in PEM. */
  readonly publicKey: string;
  readonly keyId: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const ALGORITHM = "EdDSA";

const SUBJECT =
  /^spiffe:\/\/openshell\/sandbox\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

/** Makes tokens and checks them. */
export class SandboxTokens {
  readonly #options: TokenOptions;
  readonly #signingKey: CryptoKey;
  readonly #publicKey: CryptoKey;

  private constructor(options: TokenOptions, signingKey: CryptoKey, publicKey: CryptoKey) {
    this.#options = options;
    this.#signingKey = signingKey;
    this.#publicKey = publicKey;
  }

  /** @throws {TokenKeyError} */
  static async open(options: TokenOptions): Promise<SandboxTokens> {
    try {
      const signingKey = await importPKCS8(options.signingKey, ALGORITHM);
      const publicKey = await importSPKI(options.publicKey, ALGORITHM);
      return new SandboxTokens(options, signingKey, publicKey);
    } catch (error) {
      throw new TokenKeyError({ cause: error });
    }
  }

  /** Returns a token for a sandbox. */
  issue(sandboxId: string): Promise<string> {
    const { keyId, now } = this.#options;
    return new SignJWT({})
      .setProtectedHeader({ alg: ALGORITHM, typ: "JWT", kid: keyId })
      .setIssuer(this.#party)
      .setAudience(this.#party)
      .setSubject(`spiffe://openshell/sandbox/${sandboxId}`)
      .setIssuedAt(Math.floor(now() / 1000))
      .sign(this.#signingKey);
  }

  /** Returns the id of the sandbox that a token is for. @throws {UnauthenticatedError} */
  async verify(token: string): Promise<string> {
    if (token.length > TOKEN_BYTES_MAX) throw new UnauthenticatedError("the token is too long");
    const { payload } = await jwtVerify(token, this.#publicKey, {
      algorithms: [ALGORITHM],
      typ: "JWT",
      issuer: this.#party,
      audience: this.#party,
      requiredClaims: ["sub", "iat"],
      clockTolerance: TOKEN_LEEWAY_S,
      currentDate: new Date(this.#options.now()),
    }).catch((error: unknown) => {
      const code = error instanceof errors.JOSEError ? error.code : "it cannot be read";
      throw new UnauthenticatedError(`the token does not hold: ${code}`, { cause: error });
    });
    const [, sandboxId] = SUBJECT.exec(payload.sub ?? "") ?? [];
    // A list of audiences would pass the check above when ours is one of them.
    if (sandboxId === undefined || payload.aud !== this.#party) {
      throw new UnauthenticatedError("the token is not for a sandbox of this gateway");
    }
    return sandboxId;
  }

  get #party(): string {
    return `openshell-gateway:${this.#options.gatewayId}`;
  }
}
