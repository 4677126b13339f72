/**
 * What an event log says about itself: that it goes on in another file, that its end was torn.
 *
 * @module
 */

import {
  ACTION,
  BASE_EVENT,
  CONFIDENCE,
  DETECTION_FINDING,
  DISPOSITION,
  enumMembers,
  ocsfHead,
  type OcsfRecord,
  type OcsfSource,
  SEVERITY,
} from "../../../proto/ocsf.ts";
import type { ChainHead } from "./chain.ts";

/** First event of a file that follows another. */
export interface Continued {
  readonly previousFile: string;
  readonly previous: ChainHead;
  /** Number of the first event that is kept; those before it are past keeping. */
  readonly keptFrom: number;
}

/** An end of a file that was no event. */
export interface TornEnd {
  readonly bytes: number;
  readonly sha256: string;
  /** File beside the log that has the bytes. */
  readonly file: string;
  /** Line feeds in it: a crash leaves none, so more point to an editor or a failing disk. */
  readonly lineFeeds: number;
}

export function continuedRecord(
  { previousFile, previous, keptFrom }: Continued,
  source: OcsfSource,
  time: number,
): OcsfRecord {
  const { activities } = BASE_EVENT;
  return {
    ...ocsfHead(BASE_EVENT, {
      activity: activities.other,
      severity: SEVERITY.informational,
      time,
      source,
    }),
    message: "Events continue from another file",
    unmapped: {
      previous_file: previousFile,
      previous_seq: previous.seq,
      kept_from: keptFrom,
      previous_hash: previous.hash,
    },
  };
}

/** Returns since which event a chain is kept, where the record says so. */
export function keptFromOf(record: OcsfRecord): number | null {
  const keptFrom = record.class_uid === BASE_EVENT.uid ? record.unmapped?.["kept_from"] : null;
  return typeof keptFrom === "number" ? keptFrom : null;
}

const TORN_UID = "event-log-torn";

export function tornRecord(
  { bytes, sha256, file, lineFeeds }: TornEnd,
  source: OcsfSource,
  time: number,
): OcsfRecord {
  const isCrash = lineFeeds === 0;
  return {
    ...ocsfHead(DETECTION_FINDING, {
      activity: DETECTION_FINDING.activities.create,
      severity: isCrash ? SEVERITY.medium : SEVERITY.high,
      time,
      source,
    }),
    finding_info: {
      uid: TORN_UID,
      title: isCrash ? "Unfinished audit event cut off" : "Damaged audit events cut off",
      desc: isCrash
        ? "The last event was not written completely, as after a crash. Its bytes are kept."
        : "The end of the event log could not be read. A crash alone does not explain it.",
    },
    is_alert: !isCrash,
    ...enumMembers("confidence", isCrash ? CONFIDENCE.medium : CONFIDENCE.high),
    ...enumMembers("action", ACTION.observed),
    ...enumMembers("disposition", DISPOSITION.detected),
    unmapped: {
      torn_bytes: bytes,
      torn_line_feeds: lineFeeds,
      torn_file: file,
      torn_sha256: sha256,
    },
  };
}

/** Returns the end that a record says was cut off, or `null` where it says none. */
export function tornEndOf(record: OcsfRecord): TornEnd | null {
  if (record.finding_info?.uid !== TORN_UID) return null;
  const { torn_bytes, torn_line_feeds, torn_file, torn_sha256 } = record.unmapped ?? {};
  return {
    bytes: Number(torn_bytes),
    lineFeeds: Number(torn_line_feeds),
    file: String(torn_file),
    sha256: String(torn_sha256),
  };
}
