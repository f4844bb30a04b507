// The part of the table below listeners.*.routes; see keys.h and keys.cc.
#include "config/keys.h"

namespace meridian::config {
namespace {

using enum Type;

constexpr Key kRouteKeys[] = {
    Key{"listeners.*.routes", kList,
        "What leads to which service: by host, path, method, header and query (http), or by server "
        "name and ALPN (tcp); the first match wins."},
    Key{"listeners.*.routes[]", kMap, "One route."},
    Key{"listeners.*.routes[].host", kHost, "A name, *.example.com, or * for all.", "*"},
    Key{"listeners.*.routes[].path", kMap, "Prefix at a segment boundary, or a map."}
        .With(kShorthand)
        .Called("a path or a map"),
    Key{"listeners.*.routes[].path.prefix", kUrlPath, "Prefix at a segment boundary.", "/"},
    Key{"listeners.*.routes[].path.exact", kUrlPath, "The whole path."},
    Key{"listeners.*.routes[].path.regex", kText,
        "Regular expression (RE2) that the whole path must match."},
    Key{"listeners.*.routes[].methods", kList, "Only these methods."}.With(kNonEmpty),
    Key{"listeners.*.routes[].methods[]", kToken, "A method, in its case."},
    Key{"listeners.*.routes[].match", kMap, "What the request must have besides."},
    Key{"listeners.*.routes[].match.header", kNames,
        "Headers with exactly these values; * for any value."}
        .With(kHeaderNames),
    Key{"listeners.*.routes[].match.header.*", kText, "The value."},
    Key{"listeners.*.routes[].match.query", kNames,
        "Parameters of the query with exactly these values, decoded; * for any value."}
        .With(kHeaderNames),
    Key{"listeners.*.routes[].match.query.*", kText, "The value."},
    Key{"listeners.*.routes[].service", kName, "Where it goes."},
    Key{"listeners.*.routes[].services", kNames,
        "Where it goes, by shares: service names with their weights. A session stays with its "
        "service."},
    Key{"listeners.*.routes[].services.*", kInteger,
        "Share of the requests; 0: only sessions that the service has."}
        .In(0, 1e6),
    Key{"listeners.*.routes[].sni", kHost,
        "TLS server name (tcp), without terminating TLS: a name, *.example.com, or * for all."},
    Key{"listeners.*.routes[].alpn", kList,
        "Only clients that offer one of these protocols (tcp); where TLS ends here, those for whom "
        "one was agreed on."}
        .With(kNonEmpty),
    Key{"listeners.*.routes[].alpn[]", kText, "A protocol's name in ALPN, such as h2."},
    Key{"listeners.*.routes[].rewrite", kMap, "Changes to what the service is asked for."},
    Key{"listeners.*.routes[].rewrite.prefix", kUrlPath,
        "What replaces the matched prefix, or the exact path."},
    Key{"listeners.*.routes[].rewrite.host", kText,
        "Host (with a port, maybe) in place of the client's."},
    Key{"listeners.*.routes[].request_headers", kMap, "Changes to the request's headers."},
    Key{"listeners.*.routes[].request_headers.set", kNames,
        "Headers to set, in place of all of that name."}
        .With(kHeaderNames),
    Key{"listeners.*.routes[].request_headers.set.*", kText, "The value."},
    Key{"listeners.*.routes[].request_headers.add", kNames, "Headers to add."}.With(kHeaderNames),
    Key{"listeners.*.routes[].request_headers.add.*", kText, "The value."},
    Key{"listeners.*.routes[].request_headers.remove", kList, "Headers to remove."},
    Key{"listeners.*.routes[].request_headers.remove[]", kToken, "A header."},
    Key{"listeners.*.routes[].headers", kMap, "Changes to the response's headers."},
    Key{"listeners.*.routes[].headers.set", kNames, "Headers to set, in place of all of that name."}
        .With(kHeaderNames),
    Key{"listeners.*.routes[].headers.set.*", kText, "The value."},
    Key{"listeners.*.routes[].headers.add", kNames, "Headers to add."}.With(kHeaderNames),
    Key{"listeners.*.routes[].headers.add.*", kText, "The value."},
    Key{"listeners.*.routes[].headers.remove", kList, "Headers to remove."},
    Key{"listeners.*.routes[].headers.remove[]", kToken, "A header."},
    Key{"listeners.*.routes[].redirect", kMap, "Answer with a redirect."},
    Key{"listeners.*.routes[].redirect.to", kText,
        "Where to: a URL or a path; {host} and {path} are the request's, and its path and query "
        "follow a URL "
        "without a path."}
        .With(kRequired),
    Key{"listeners.*.routes[].redirect.status", kInteger, "301, 302, 303, 307 or 308.", "308"}.In(
        300, 399),
    Key{"listeners.*.routes[].respond", kMap, "Answer with a fixed response."},
    Key{"listeners.*.routes[].respond.status", kInteger, "Status code.", "200"}.In(200, 599),
    Key{"listeners.*.routes[].respond.body", kText, "The body."},
    Key{"listeners.*.routes[].respond.content_type", kText, "Content-Type of the body.",
        "text/plain"},
    Key{"listeners.*.routes[].mirror", kMap,
        "A copy of requests to another service; what that answers is dropped."},
    Key{"listeners.*.routes[].mirror.service", kName, "Where copies go."}.With(kRequired),
    Key{"listeners.*.routes[].mirror.share", kShare, "Of the requests.", "100%"}.In(0, 1),
    Key{"listeners.*.routes[].timeouts", kMap, "Bounds in time, in place of the service's."},
    Key{"listeners.*.routes[].timeouts.response", kDuration, "From request to response head."}.In(
        1e6, 24 * 3600e9),
    Key{"listeners.*.routes[].timeouts.idle", kDuration, "Without a byte either way."}.In(
        1e6, 8760 * 3600e9),
    Key{"listeners.*.routes[].retries", kMap, "Trying again elsewhere, in place of the service's."},
    Key{"listeners.*.routes[].retries.attempts", kInteger, "Attempts besides the first."}.In(0, 10),
    Key{"listeners.*.routes[].retries.on", kList, "What is tried again."},
    Key{"listeners.*.routes[].retries.on[]", kRetryReason, "A failure, or a status of the backend.",
        "", "connect reset timeout"},
};

}  // namespace

std::span<const Key> RouteKeys() {
  return kRouteKeys;
}

}  // namespace meridian::config
