/**
 * The policy of a sandbox that was asked for without one.
 *
 * As the reference's, but for what differs here: the sandbox sees the host's own files, so the
 * host's logs are not among them, and the kernel has to be able to enforce it.
 *
 * @module
 */

/** Programs and libraries readable, the workspace and `/tmp` writable, no network. */
export const DEFAULT_POLICY = `version: 1
filesystem_policy:
  include_workdir: true
  read_only: [/usr, /lib, /etc, /proc, /dev/urandom]
  read_write: [/tmp, /dev/null]
landlock:
  compatibility: hard_requirement
`;
