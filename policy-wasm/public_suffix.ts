/**
 * Names under which anybody can register a name of their own, for a warning about wildcards.
 *
 * Small on purpose: the well-known hosting and storage domains, and the registries whose suffix
 * has two labels. A wildcard over one of them reaches hosts of strangers.
 *
 * @module
 */

import { hostPatternsIntersect } from "./host_pattern.ts";

/** Returns the suffix below which a pattern is wild, or `null`. */
export function wildPublicSuffix(pattern: string): string | null {
  return PUBLIC_SUFFIXES.find((suffix) => isWildBelow(pattern.split("."), suffix)) ?? null;
}

/** A `*` label stands for one label, such as a region. */
const PUBLIC_SUFFIXES: readonly string[] = [
  ..."github.io githubusercontent.com gitlab.io pages.dev workers.dev r2.dev vercel.app".split(" "),
  ..."netlify.app netlify.com herokuapp.com web.app firebaseapp.com firebaseio.com".split(" "),
  ..."appspot.com run.app cloudfunctions.net googleusercontent.com blogspot.com".split(" "),
  ..."storage.googleapis.com cloudfront.net s3.amazonaws.com s3.*.amazonaws.com".split(" "),
  ..."s3-website.*.amazonaws.com execute-api.*.amazonaws.com elb.amazonaws.com".split(" "),
  ..."compute.amazonaws.com *.elasticbeanstalk.com lambda-url.*.on.aws amplifyapp.com".split(" "),
  ..."azurewebsites.net azurestaticapps.net azureedge.net cloudapp.azure.com".split(" "),
  ..."blob.core.windows.net web.core.windows.net trafficmanager.net azurefd.net".split(" "),
  ..."digitaloceanspaces.com ondigitalocean.app fly.dev onrender.com railway.app".split(" "),
  ..."surge.sh glitch.me repl.co replit.app deno.dev val.run ngrok.io ngrok.app".split(" "),
  ..."ngrok-free.app trycloudflare.com loca.lt hf.space readthedocs.io wordpress.com".split(" "),
  ..."myshopify.com sharepoint.com zendesk.com supabase.co duckdns.org nip.io sslip.io".split(" "),
  ..."co.uk org.uk ac.uk gov.uk com.au net.au org.au co.nz co.jp ne.jp or.jp com.br".split(" "),
  ..."com.cn com.tw com.hk com.sg com.tr com.mx com.ar co.in co.kr co.za co.il".split(" "),
];

function isWildBelow(labels: readonly string[], suffix: string): boolean {
  const suffixLabels = suffix.split(".");
  const tail = labels[0] === "**" ? labels.slice(1) : labels;
  if (tail.length <= suffixLabels.length) {
    // A leading ** also stands for the labels that the tail lacks.
    const rest = suffixLabels.slice(suffixLabels.length - tail.length).join(".");
    return labels[0] === "**" && hostPatternsIntersect(tail.join("."), rest);
  }
  const tenant = tail.at(-suffixLabels.length - 1)!;
  return tenant.includes("*") &&
    hostPatternsIntersect(tail.slice(-suffixLabels.length).join("."), suffix);
}
