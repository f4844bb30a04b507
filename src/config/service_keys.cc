// The part of the table below services; see keys.h and keys.cc.
#include "config/keys.h"

namespace meridian::config {
namespace {

constexpr double kMillisecond = 1e6, kSecond = 1e9, kHour = 3600 * kSecond, kYear = 8760 * kHour;
constexpr double kPiB = 1024.0 * 1024 * 1024 * 1024 * 1024;
constexpr std::string_view kContinents = "AF AN AS EU NA OC SA";

using enum Type;

constexpr Key kServiceKeys[] = {
    Key{"services", kNames, "What clients ask for, with its routing policy."}.With(kMergeable),
    Key{"services.*", kMap, "One service."},
    Key{"services.*.mode", kWord, "Whether all sites serve, or only the active one.", "distributed",
        "distributed disaster-recovery"}
        .Called("a mode"),
    Key{"services.*.steering", kWord, "How sites are ordered for a client.", "nearest",
        "nearest latency weighted random ordered"}
        .Called("a steering policy"),
    Key{"services.*.order", kList, "Sites in order of preference, for ordered; the others follow."},
    Key{"services.*.order[]", kName, "A site."},
    Key{"services.*.rules", kList, "Which clients go where; the first match wins."},
    Key{"services.*.rules[]", kMap, "One rule."},
    Key{"services.*.rules[].match", kMap, "The clients: each key given must hold for them."}.With(
        kRequired),
    Key{"services.*.rules[].match.country", kList, "Any of these countries."},
    Key{"services.*.rules[].match.country[]", kCountry, "ISO 3166-1 alpha-2 code."},
    Key{"services.*.rules[].match.continent", kList, "Any of these continents."},
    Key{"services.*.rules[].match.continent[]", kWord, "Continent code.", "", kContinents}.Called(
        "a continent code"),
    Key{"services.*.rules[].match.subdivision", kList, "Any of these subdivisions."},
    Key{"services.*.rules[].match.subdivision[]", kSubdivision,
        "ISO 3166-2 code without the country."},
    Key{"services.*.rules[].match.asn", kList, "Any of these autonomous systems."},
    Key{"services.*.rules[].match.asn[]", kInteger, "Autonomous system number."}.In(1, 4294967295),
    Key{"services.*.rules[].match.network", kList, "Any of these address blocks."},
    Key{"services.*.rules[].match.network[]", kPrefix, "An address block."},
    Key{"services.*.rules[].match.header", kNames, "Headers with exactly these values (http)."}
        .With(kHeaderNames),
    Key{"services.*.rules[].match.header.*", kText, "The value."},
    Key{"services.*.rules[].sites", kList, "The sites for these clients."}.With(kRequired |
                                                                                kNonEmpty),
    Key{"services.*.rules[].sites[]", kName, "A site."},
    Key{"services.*.rules[].strict", kBool,
        "Data residency: these clients never leave these sites.", "false"},
    Key{"services.*.balance", kWord, "How an endpoint of the site is chosen.", "least-connections",
        "least-connections round-robin hash random"}
        .Called("a balance policy"),
    Key{"services.*.session", kMap, "What keeps a client's connections and requests together."},
    Key{"services.*.session.by", kWord,
        "The session key; header and query may be written header:NAME and query:NAME; bytes:0-7 "
        "are the first eight of a datagram or a connection.",
        "none", "none source cookie header query sni sip-call-id bytes"}
        .Called("a session key")
        .With(kArgument),
    Key{"services.*.session.name", kToken,
        "Of the cookie (meridian by default), the header or the query parameter."},
    Key{"services.*.session.scope", kWord, "What a session keeps to.", "endpoint", "endpoint site"}
        .Called("a session scope"),
    Key{"services.*.session.ttl", kDuration,
        "How long a cookie, or the place that a session without one moved to, is honoured.", "8h"}
        .In(kSecond, kYear),
    Key{"services.*.session.key_file", kFile,
        "Keys of cookies, the same on all instances: one or two lines of text, the first signs, "
        "both "
        "are accepted; none: a new key at each start.",
        "none", "none"},
    Key{"services.*.session.on_failure", kWord, "When the session's place is down.", "repin",
        "repin reject"}
        .Called("a reaction to failure"),
    Key{"services.*.session.on_recovery", kWord,
        "When it is back: stay (default for cookies) or return (default for all others).", "",
        "stay return"}
        .Called("a reaction to recovery"),
    Key{"services.*.session.source_prefix_v4", kInteger, "Bits of an IPv4 source that are the key.",
        "32"}
        .In(1, 32),
    Key{"services.*.session.source_prefix_v6", kInteger, "Bits of an IPv6 source that are the key.",
        "56"}
        .In(1, 128),
    Key{"services.*.health_check", kName, "The check of its endpoints.", "none", "none"},
    Key{"services.*.outliers", kMap, "Detection of bad endpoints by live traffic."},
    Key{"services.*.outliers.consecutive_errors", kInteger,
        "Errors in a row that eject an endpoint.", "5"}
        .In(1, 1e6),
    Key{"services.*.outliers.error_rate", kShare, "Share of errors in `window` that ejects.", "50%"}
        .In(0.01, 1),
    Key{"services.*.outliers.window", kDuration, "Time over which errors are counted.", "10s"}.In(
        100 * kMillisecond, kHour),
    Key{"services.*.outliers.eject_for", kDuration, "First ejection; each in a row is longer.",
        "5s"}
        .In(100 * kMillisecond, kHour),
    Key{"services.*.outliers.max_ejected", kShare, "Most of a site's endpoints ejected at once.",
        "50%"}
        .In(0, 1),
    Key{"services.*.overprovision", kNumber,
        "A site keeps min(1, healthy share × this) of its clients.", "1.4"}
        .In(1, 100),
    Key{"services.*.panic", kWord,
        "When every candidate is down: route (try them anyway; the default), or reject (the "
        "default "
        "with disaster-recovery, where route is for reads alone).",
        "", "route reject"}
        .Called("a panic policy"),
    Key{"services.*.on_down", kWord, "What becomes of sessions at a site that is marked down.",
        "close", "close keep"}
        .Called("a policy for sites that are down"),
    Key{"services.*.min_healthy", kShare, "Share of endpoint weight that keeps a site up.", "any",
        "any"}
        .In(0, 1),
    Key{"services.*.slow_start", kDuration,
        "Time in which what comes up, endpoint or site, grows to its full share.", "0s"}
        .In(0, 24 * kHour),
    Key{"services.*.timeouts", kMap, "Bounds in time."},
    Key{"services.*.timeouts.connect", kDuration, "To connect to an endpoint.", "2s"}.In(
        kMillisecond, kHour),
    Key{"services.*.timeouts.race_after", kDuration,
        "When a second connect starts; auto: by the endpoint's usual time.", "auto", "auto"}
        .In(kMillisecond, kHour),
    Key{"services.*.timeouts.response", kDuration, "From request to response head.", "60s"}.In(
        kMillisecond, 24 * kHour),
    Key{"services.*.timeouts.idle", kDuration, "Without a byte either way.", "60s"}.In(kMillisecond,
                                                                                       kYear),
    Key{"services.*.timeouts.session", kDuration, "Longest life of a connection.", "1h"}.In(
        kMillisecond, kYear),
    Key{"services.*.retries", kMap, "Trying again elsewhere."},
    Key{"services.*.retries.attempts", kInteger, "Attempts besides the first.", "2"}.In(0, 10),
    Key{"services.*.retries.on", kList,
        "What is tried again; by default connect, reset, timeout, 502, 503 and 504."},
    Key{"services.*.retries.on[]", kRetryReason, "A failure, or a status of the backend.", "",
        "connect reset timeout"},
    Key{"services.*.retries.budget", kShare, "Retries per request of a second; ten are allowed.",
        "20%"}
        .In(0, 1),
    Key{"services.*.retries.hedge_after", kDuration,
        "When another copy of an idempotent request without an answer starts elsewhere; p99: by "
        "the endpoint's own response times.",
        "off", "off p99"}
        .In(kMillisecond, kHour),
    Key{"services.*.backend", kMap, "Connections to endpoints."},
    Key{"services.*.backend.protocol", kWord, "Protocol spoken to endpoints.", "http1",
        "http1 http2"}
        .Called("a backend protocol"),
    Key{"services.*.backend.tls", kMap, "TLS to endpoints.", "off", "off"},
    Key{"services.*.backend.tls.server_name", kHost,
        "Name asked for (SNI) and verified; by default the endpoint's address is verified."},
    Key{"services.*.backend.tls.ca", kFile,
        "Certificates to trust, PEM; system: those of the operating system.", "system", "system"},
    Key{"services.*.backend.tls.certificate", kFile,
        "Our certificate with its chain, PEM, for endpoints that ask for one.", "none", "none"},
    Key{"services.*.backend.tls.key", kFile, "Its private key, PEM.", "none", "none"},
    Key{"services.*.backend.tls.verify", kBool, "Whether the endpoint's certificate is verified.",
        "true"},
    Key{"services.*.backend.max_idle", kInteger, "Idle connections kept per endpoint and worker.",
        "64"}
        .In(0, 65536),
    Key{"services.*.backend.max_connections", kInteger, "Connections per endpoint, all workers.",
        "unlimited", "unlimited"}
        .In(1, 1e9),
    Key{"services.*.backend.warm", kInteger,
        "Spare connections opened ahead, per endpoint and worker, for tcp listeners and HTTP/1.",
        "0"}
        .In(0, 1024),
    Key{"services.*.backend.warm_greeting", kBool,
        "Whether a spare connection may be used whose server has spoken first; what it said goes "
        "to the client.",
        "false"},
    Key{"services.*.backend.proxy_protocol", kWord,
        "PROXY header sent to endpoints, before TLS; for tcp listeners.", "off", "off v1 v2"}
        .Called("a PROXY protocol version"),
    Key{"services.*.primary", kName, "The site that is normally active."},
    Key{"services.*.standby", kList,
        "Sites that can take over; the order decides between level ones."}
        .With(kNonEmpty),
    Key{"services.*.standby[]", kName, "A site."},
    Key{"services.*.replication", kMap, "What is known of replication."},
    Key{"services.*.replication.check", kMap,
        "How its status is asked for at each site; without it, nothing fails over by itself."},
    Key{"services.*.replication.check.type", kWord, "What is asked.", "http", "http postgresql"}
        .Called("a type of replication check"),
    Key{"services.*.replication.check.port", kInteger, "Port to ask; auto: each endpoint's own.",
        "auto", "auto"}
        .In(1, 65535),
    Key{"services.*.replication.check.path", kUrlPath, "What http requests.", "/"},
    Key{"services.*.replication.check.user", kText, "Whom postgresql logs in as.", "meridian"},
    Key{"services.*.replication.check.database", kText, "The database that postgresql connects to.",
        "postgres"},
    Key{"services.*.replication.check.passfile", kFile,
        "PostgreSQL's password file (host:port:database:user:password, mode 0600).", "none",
        "none"},
    Key{"services.*.replication.check.interval", kDuration, "Time between checks.", "1s"}.In(
        10 * kMillisecond, kHour),
    Key{"services.*.replication.check.timeout", kDuration, "When a check has failed.", "500ms"}.In(
        kMillisecond, kHour),
    Key{"services.*.replication.check.pointers", kMap,
        "Where in the JSON answer each value stands."},
    Key{"services.*.replication.check.pointers.role", kPointer, "primary or standby.", "/role"},
    Key{"services.*.replication.check.pointers.lag_seconds", kPointer,
        "How far it is behind the site it follows.", "/lag_seconds"},
    Key{"services.*.replication.check.pointers.backlog_bytes", kPointer,
        "Bytes received or waiting, not yet applied.", "/backlog_bytes"},
    Key{"services.*.replication.check.pointers.epoch", kPointer,
        "The highest epoch that it was told.", "/epoch"},
    Key{"services.*.replication.check.pointers.reconciled", kPointer,
        "true: a former primary follows the active site again.", "/reconciled"},
    Key{"services.*.replication.check.pointers.source_connected", kPointer,
        "true: it receives from the site it follows.", "/source_connected"},
    Key{"services.*.replication.check.pointers.position_bytes", kPointer,
        "Where its log ends, applied or not; of two standbys the further one takes over.",
        "/position_bytes"},
    Key{"services.*.replication.max_lag", kDuration, "Lag up to which a standby may take over.",
        "30s"}
        .In(0, kYear),
    Key{"services.*.replication.max_backlog", kBytes, "Backlog up to which it may.", "unlimited",
        "unlimited"}
        .In(0, kPiB),
    Key{"services.*.reads", kWord, "Where GET and HEAD may go.", "active", "active nearest"}.Called(
        "a policy for reads"),
    Key{"services.*.failover", kMap, "The move to a standby."},
    Key{"services.*.failover.automatic", kBool, "Whether it happens by itself.", "true"},
    Key{"services.*.failover.after", kDuration, "How long the active site has been dead.", "5s"}.In(
        0, 24 * kHour),
    Key{"services.*.failover.cooldown", kDuration, "Before a second automatic move.", "1h"}.In(
        0, kYear),
    Key{"services.*.failover.switch_hold", kDuration, "Longest hold of new sessions.", "5s"}.In(
        100 * kMillisecond, kHour),
    Key{"services.*.failback", kMap, "The way back."},
    Key{"services.*.failback.mode", kWord, "Who decides.", "manual", "manual automatic"}.Called(
        "a failback mode"),
    Key{"services.*.failback.hold", kDuration, "Wait before an automatic failback.", "10m"}.In(
        0, kYear),
};

}  // namespace

std::span<const Key> ServiceKeys() {
  return kServiceKeys;
}

}  // namespace meridian::config
