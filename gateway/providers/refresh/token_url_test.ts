import assert from "node:assert/strict";
import type { ProfileRefresh } from "../profile/profile.ts";
import { refreshOf } from "./refresh_fixture.ts";
import { tokenUrlOf } from "./token_url.ts";

const COMMON = "https://login.microsoftonline.com/common/oauth2/v2.0/token";
const MINE = "https://login.microsoftonline.com/mine.example.com/oauth2/v2.0/token";
const TENANT = { tenant_id: "mine.example.com" };
const GOOGLE = { strategy: "google_service_account_jwt" } as const;
const ROLE = { strategy: "aws_sts_assume_role", tokenUrl: "" } as const;

Deno.test.each<{
  name: string;
  change: Partial<ProfileRefresh>;
  material?: Record<string, string>;
  want: string;
}>([
  { name: "the profile's", change: {}, want: "https://login.example.com/token" },
  {
    name: "one of this machine",
    change: { tokenUrl: "http://127.0.0.1:8/t" },
    want: "http://127.0.0.1:8/t",
  },
  { name: "a tenant's", change: { tokenUrl: COMMON }, material: TENANT, want: MINE },
  { name: "a tenant's without another", change: { tokenUrl: "" }, material: TENANT, want: MINE },
  { name: "Microsoft's without a tenant", change: { tokenUrl: COMMON }, want: COMMON },
  {
    name: "the profile's, whatever the tenant",
    change: {},
    material: TENANT,
    want: "https://login.example.com/token",
  },
  {
    name: "Google's",
    change: { ...GOOGLE, tokenUrl: "" },
    want: "https://oauth2.googleapis.com/token",
  },
  { name: "the profile's for Google", change: GOOGLE, want: "https://login.example.com/token" },
  { name: "that of AWS", change: ROLE, want: "https://sts.us-east-1.amazonaws.com/" },
  {
    name: "that of a region",
    change: ROLE,
    material: { aws_region: "cn-north-1" },
    want: "https://sts.cn-north-1.amazonaws.com.cn/",
  },
])("tokenUrlOf() is $name", ({ change, material = {}, want }) => {
  assert.equal(tokenUrlOf(refreshOf(change), material), want);
});

Deno.test.each<{
  name: string;
  change: Partial<ProfileRefresh>;
  material?: Record<string, string>;
  want: RegExp;
}>([
  { name: "none", change: { tokenUrl: "" }, want: /no token_url/ },
  { name: "one in clear", change: { tokenUrl: "http://login.example.com/" }, want: /not https/ },
  { name: "one with a password", change: { tokenUrl: "https://a:b@c/" }, want: /not https/ },
  {
    name: "a tenant that leads elsewhere",
    change: { tokenUrl: COMMON },
    material: { tenant_id: "../x" },
    want: /tenant/,
  },
  {
    name: "a tenant with a query",
    change: { tokenUrl: COMMON },
    material: { tenant_id: "a?b" },
    want: /tenant/,
  },
  {
    name: "one of its own for AWS",
    change: { ...ROLE, tokenUrl: "https://sts.example.com/" },
    want: /refused/,
  },
  {
    name: "a region that is a host",
    change: ROLE,
    material: { aws_region: "x.example.com/" },
    want: /region/,
  },
])("tokenUrlOf() refuses $name", ({ change, material = {}, want }) => {
  assert.throws(() => tokenUrlOf(refreshOf(change), material), want);
});
