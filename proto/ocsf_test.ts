import assert from "node:assert/strict";
import {
  ACTION,
  APPLICATION_LIFECYCLE,
  BASE_EVENT,
  DETECTION_FINDING,
  DEVICE_CONFIG_STATE_CHANGE,
  DISPOSITION,
  enumMembers,
  HTTP_ACTIVITY,
  NETWORK_ACTIVITY,
  OCSF_CLASSES,
  ocsfHead,
  PROCESS_ACTIVITY,
  SEVERITY,
  SUPERVISOR_PRODUCT,
} from "./ocsf.ts";

const SOURCE = { sandboxId: "id-1", product: SUPERVISOR_PRODUCT, version: "0.1.0" };

Deno.test("ocsfHead() has what every record needs", () => {
  const head = ocsfHead(NETWORK_ACTIVITY, {
    activity: NETWORK_ACTIVITY.activities.refuse,
    severity: SEVERITY.medium,
    time: 1_786_000_000_042,
    source: SOURCE,
  });
  assert.deepEqual(head, {
    class_uid: 4001,
    class_name: "Network Activity",
    category_uid: 4,
    category_name: "Network Activity",
    activity_id: 5,
    activity_name: "Refuse",
    type_uid: 400105,
    type_name: "Network Activity: Refuse",
    time: 1_786_000_000_042,
    severity_id: 3,
    severity: "Medium",
    metadata: {
      version: "1.8.0",
      product: {
        name: "OpenShell Sandbox Supervisor",
        vendor_name: "OpenShell",
        version: "0.1.0",
      },
      profiles: ["security_control", "network_proxy", "container", "host"],
      uid: "id-1",
    },
  });
});

Deno.test.each([
  { type: NETWORK_ACTIVITY, uid: 4001, category: "4 Network Activity" },
  { type: HTTP_ACTIVITY, uid: 4002, category: "4 Network Activity" },
  { type: PROCESS_ACTIVITY, uid: 1007, category: "1 System Activity" },
  { type: DETECTION_FINDING, uid: 2004, category: "2 Findings" },
  { type: DEVICE_CONFIG_STATE_CHANGE, uid: 5019, category: "5 Discovery" },
  { type: APPLICATION_LIFECYCLE, uid: 6002, category: "6 Application Activity" },
  { type: BASE_EVENT, uid: 0, category: "0 Uncategorized" },
])("OCSF_CLASSES has class $uid in its category", ({ type, uid, category }) => {
  assert.ok(OCSF_CLASSES.includes(type));
  assert.equal(type.uid, uid);
  assert.equal(type.category.join(" "), category);
  // The category of a class is the thousands of its number.
  assert.equal(Math.floor(uid / 1000), type.category[0]);
});

Deno.test("OCSF_CLASSES have activities that differ", () => {
  for (const { name, activities } of OCSF_CLASSES) {
    const ids = Object.values(activities).map(([id]) => id);
    assert.equal(new Set(ids).size, ids.length, name);
  }
});

Deno.test.each([
  { value: enumMembers("action", ACTION.denied), want: { action_id: 2, action: "Denied" } },
  {
    value: enumMembers("disposition", DISPOSITION.blocked),
    want: { disposition_id: 2, disposition: "Blocked" },
  },
])("enumMembers() is number and label", ({ value, want }) => {
  assert.deepEqual(value, want);
});
