// The table, and its tree. A row's parent stands above it. Rows marked kLater and the words under
// `later` are refused as "not supported yet" unless they say what holds anyway (`fallback`).
#include "config/keys.h"

#include <meridian/base/check.h>
#include <meridian/codec/http1.h>

#include <string>

namespace meridian::config {
namespace {

constexpr double kMillisecond = 1e6, kSecond = 1e9, kHour = 3600 * kSecond, kYear = 8760 * kHour;
constexpr double kKiB = 1024, kMiB = 1024 * kKiB, kPiB = kMiB * kMiB * kKiB;
constexpr std::string_view kContinents = "AF AN AS EU NA OC SA";

using enum Type;

constexpr Key kProcessKeys[] = {
    Key{"", kMap, "A Meridian configuration."}.With(kMergeable),
    Key{"include", kList, "Further files of this same schema; names may not collide."},
    Key{"include[]", kText, "A file or glob pattern, relative to this file."},

    Key{"process", kMap, "The process as a whole."}.With(kMergeable),
    Key{"process.workers", kInteger, "Data-path threads; auto: as many as usable CPUs.", "auto",
        "auto"}
        .In(1, 256),
    Key{"process.state_directory", kFile, "Where what must survive a restart is kept.",
        "/var/lib/meridian"},
    Key{"process.drain_timeout", kDuration, "How long established sessions may finish on SIGTERM.",
        "30s"}
        .In(0, 24 * kHour),
    Key{"process.max_connections", kInteger,
        "Bound on connections; auto: what RLIMIT_NOFILE allows.", "auto", "auto"}
        .In(1, 1e9),
    Key{"process.startup_grace", kDuration,
        "Listeners accept once every check has answered, or after this time.", "2s"}
        .In(0, kHour),
    Key{"process.session_table", kInteger,
        "Moved sessions without a cookie that are remembered, for on_recovery: stay; 16 bytes "
        "each.",
        "65536"}
        .In(4, 1 << 26),

    Key{"process.client_table", kInteger,
        "Clients whose rate and connections are known, for listeners' limits; 16 bytes each.",
        "65536"}
        .In(8, 1 << 26),

    Key{"log", kMap, "The process's log."}.With(kMergeable),
    Key{"log.level", kWord, "The least severe level that is written.", "info",
        "trace debug info warn error"}
        .Called("a log level"),
    Key{"log.format", kWord, "Form of log lines on standard error.", "text", "text json"}.Called(
        "a log format"),
    Key{"log.access", kMap, "The access log."},
    Key{"log.access.path", kFile, "off, stdout, or a file that SIGUSR1 reopens.", "off", "off"},
    Key{"log.access.format", kWord, "Form of access log lines.", "json", "json combined"}.Called(
        "an access log format"),

    Key{"geo", kMap, "Where clients are."}.With(kMergeable),
    Key{"geo.databases", kList,
        "MaxMind files, merged field by field: the first that knows wins. Reloaded when they "
        "change."},
    Key{"geo.databases[]", kFile, "A MaxMind database file."},
    Key{"geo.networks", kNames,
        "Places of address blocks; the longest match wins, before any database."}
        .With(kMergeable | kPrefixNames),
    Key{"geo.networks.*", kMap, "The place of this block."},
    Key{"geo.networks.*.latitude", kNumber, "Degrees north."}.In(-90, 90),
    Key{"geo.networks.*.longitude", kNumber, "Degrees east."}.In(-180, 180),
    Key{"geo.networks.*.country", kCountry, "ISO 3166-1 alpha-2 code."},
    Key{"geo.networks.*.continent", kWord, "Continent code.", "", kContinents}.Called(
        "a continent code"),
    Key{"geo.networks.*.subdivision", kSubdivision, "ISO 3166-2 code without the country."},
    Key{"geo.networks.*.asn", kInteger, "Autonomous system number."}.In(1, 4294967295),
    Key{"geo.default", kMap, "The place of clients that nothing else knows."},
    Key{"geo.default.latitude", kNumber, "Degrees north."}.In(-90, 90),
    Key{"geo.default.longitude", kNumber, "Degrees east."}.In(-180, 180),
    Key{"geo.default.country", kCountry, "ISO 3166-1 alpha-2 code."},
    Key{"geo.default.continent", kWord, "Continent code.", "", kContinents}.Called(
        "a continent code"),
    Key{"geo.default.subdivision", kSubdivision, "ISO 3166-2 code without the country."},
    Key{"geo.default.asn", kInteger, "Autonomous system number."}.In(1, 4294967295),

    Key{"admin", kMap, "Status, control and metrics."}.With(kMergeable),
    Key{"admin.socket", kFile, "Unix socket, mode 0660.", "/run/meridian/admin.sock"},
    Key{"admin.http", kAddress, "Address for metrics and the API over TCP.", "off", "off"},
    Key{"admin.token_file", kFile, "File with the bearer token that changes over `http` need.",
        "none", "none"},
};

constexpr Key kTopologyKeys[] = {
    Key{"health_checks", kNames, "Active checks, for services to name."}.With(kMergeable),
    Key{"health_checks.*", kMap, "One kind of check."},
    Key{"health_checks.*.type", kWord, "What is asked of an endpoint.", "tcp",
        "tcp tls http https grpc agent postgresql none"}
        .Called("a type of health check"),
    Key{"health_checks.*.port", kInteger, "Port to check; auto: the endpoint's own.", "auto",
        "auto"}
        .In(1, 65535),
    Key{"health_checks.*.path", kUrlPath, "What http and https request.", "/"},
    Key{"health_checks.*.method", kWord, "How they request it.", "GET", "GET HEAD OPTIONS POST"}
        .Called("a method for checks"),
    Key{"health_checks.*.host", kHost,
        "Host header that http and https send; by default the address."},
    Key{"health_checks.*.headers", kNames, "Other headers that they send."}.With(kHeaderNames),
    Key{"health_checks.*.headers.*", kText, "The value."},
    Key{"health_checks.*.protocol", kWord,
        "What they speak; http2 by prior knowledge, and by ALPN over TLS.", "http1", "http1 http2"}
        .Called("a protocol for checks"),
    Key{"health_checks.*.expect", kStatusRange,
        "Status codes that are healthy, for http and https.", "200-399"},
    Key{"health_checks.*.expect_body", kText,
        "Text that the first 64 KiB of a healthy answer's body contain, for http and https."},
    Key{"health_checks.*.service", kText,
        "The service whose health grpc asks for; by default the server's as a whole."},
    Key{"health_checks.*.tls", kMap,
        "How tls, https, grpc and postgresql speak TLS; by default the first three as the "
        "service's backend.tls says, and postgresql where the server offers it, unverified."},
    Key{"health_checks.*.tls.server_name", kHost,
        "Name asked for (SNI) and verified; by default the endpoint's address is verified."},
    Key{"health_checks.*.tls.ca", kFile,
        "Certificates to trust, PEM; system: those of the operating system.", "system", "system"},
    Key{"health_checks.*.tls.certificate", kFile,
        "Our certificate with its chain, PEM, for endpoints that ask for one.", "none", "none"},
    Key{"health_checks.*.tls.key", kFile, "Its private key, PEM.", "none", "none"},
    Key{"health_checks.*.tls.verify", kBool, "Whether the endpoint's certificate is verified.",
        "true"},
    Key{"health_checks.*.agent_port", kInteger,
        "Port of an agent beside the endpoint, asked besides; its word counts, its silence does "
        "not.",
        "off", "off"}
        .In(1, 65535),
    Key{"health_checks.*.user", kText, "Whom postgresql logs in as.", "meridian"},
    Key{"health_checks.*.database", kText, "The database that postgresql connects to.", "postgres"},
    Key{"health_checks.*.passfile", kFile,
        "PostgreSQL's password file (host:port:database:user:password, mode 0600).", "none",
        "none"},
    Key{"health_checks.*.role", kWord, "The role in which a postgresql server is healthy.", "any",
        "any primary standby"}
        .Called("a role"),
    Key{"health_checks.*.interval", kDuration, "Time between checks.", "2s"}.In(10 * kMillisecond,
                                                                                24 * kHour),
    Key{"health_checks.*.fast_interval", kDuration,
        "Time between checks while a verdict is in doubt; at most `interval`.", "500ms"}
        .In(10 * kMillisecond, 24 * kHour),
    Key{"health_checks.*.timeout", kDuration, "When a check without an answer has failed.", "1s"}
        .In(kMillisecond, kHour),
    Key{"health_checks.*.rise", kInteger, "Good checks in a row that bring an endpoint up.", "2"}
        .In(1, 1000),
    Key{"health_checks.*.fall", kInteger, "Bad checks in a row that take an endpoint down.", "3"}
        .In(1, 1000),

    Key{"regions", kNames, "Groups of sites that can fail together."}.With(kMergeable),
    Key{"regions.*", kMap, "One region."}.With(kMergeable),
    Key{"regions.*.sites", kNames, "The sites of this region."}.With(kMergeable | kRequired),
    Key{"regions.*.sites.*", kMap, "A place that can serve on its own."},
    Key{"regions.*.sites.*.latitude", kNumber, "Degrees north."}.In(-90, 90).With(kRequired),
    Key{"regions.*.sites.*.longitude", kNumber, "Degrees east."}.In(-180, 180).With(kRequired),
    Key{"regions.*.sites.*.country", kCountry, "ISO 3166-1 alpha-2 code."},
    Key{"regions.*.sites.*.continent", kWord, "Continent code.", "", kContinents}.Called(
        "a continent code"),
    Key{"regions.*.sites.*.weight", kInteger, "Share under weighted steering; 0: no new sessions.",
        "100"}
        .In(0, 1e6),
    Key{"regions.*.sites.*.bias", kInteger, "Makes the site look farther (above 0) or nearer.", "0"}
        .In(-99, 99),
    Key{"regions.*.sites.*.capacity", kInteger, "Concurrent sessions; more spill to other sites.",
        "unlimited", "unlimited"}
        .In(1, 1e12),
    Key{"regions.*.sites.*.services", kNames, "Service names, each with its endpoints here."},
    Key{"regions.*.sites.*.services.*", kList, "The endpoints of this service here."}.With(
        kNonEmpty),
    Key{"regions.*.sites.*.services.*[]", kMap, "One server: an address, or a map."}.With(
        kShorthand),
    Key{"regions.*.sites.*.services.*[].address", kEndpoint,
        "IP:port, unix:PATH, or NAME:port for all addresses of a name."},
    Key{"regions.*.sites.*.services.*[].weight", kInteger,
        "Share among the endpoints of the site; 0: no new sessions.", "1"}
        .In(0, 65535),
};

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
    Key{"services.*.retries.budget", kShare, "Retries per live request; ten a second are allowed.",
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
    Key{"services.*.standby", kList, "Sites that can take over, in order."}.With(kNonEmpty),
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

constexpr Key kListenerKeys[] = {
    Key{"listeners", kNames, "Addresses that Meridian accepts on."}.With(kMergeable),
    Key{"listeners.*", kMap, "One listener."},
    Key{"listeners.*.bind", kList, "Addresses; port 0 lets the system choose."}.With(kRequired |
                                                                                     kNonEmpty),
    Key{"listeners.*.bind[]", kAddress, "IP:port, or unix:PATH."},
    Key{"listeners.*.backlog", kInteger,
        "Connections that wait to be accepted, of each worker; net.core.somaxconn bounds it.",
        "4096"}
        .In(1, 65535),
    Key{"listeners.*.freebind", kBool,
        "Also listen on an address that this machine does not have yet; heeded when a socket is "
        "opened.",
        "false"},
    Key{"listeners.*.fast_open", kBool,
        "TCP Fast Open: first bytes may come with the SYN, maybe twice; needs bit 2 of "
        "net.ipv4.tcp_fastopen.",
        "false"},
    Key{"listeners.*.defer_accept", kBool,
        "Accept a connection when its first bytes are there; not for servers that speak first.",
        "false"},
    Key{"listeners.*.protocol", kWord, "What clients speak.", "http", "http tcp udp"}.Called(
        "a protocol"),
    Key{"listeners.*.service", kName,
        "Where everything goes; for tcp this or routes, for udp this."},
    Key{"listeners.*.tls", kMap, "TLS towards clients.", "off", "off"},
    Key{"listeners.*.tls.certificates", kList,
        "Chosen by server name: exact, then wildcard, then the first; RSA and ECDSA may share one."}
        .With(kRequired | kNonEmpty),
    Key{"listeners.*.tls.certificates[]", kMap, "A certificate with its key."},
    Key{"listeners.*.tls.certificates[].certificate", kFile,
        "PEM: the server's own certificate first, then each issuer."}
        .With(kRequired),
    Key{"listeners.*.tls.certificates[].key", kFile, "Its private key, PEM, without passphrase."}
        .With(kRequired),
    Key{"listeners.*.tls.certificates[].ocsp", kFile,
        "OCSP response to staple, DER; read again at each reload.", "none", "none"},
    Key{"listeners.*.tls.min_version", kWord, "Oldest version that is spoken.", "1.2", "1.2 1.3"}
        .Called("a TLS version"),
    Key{"listeners.*.tls.alpn", kList,
        "Protocols offered, preferred first; by default h2 and http/1.1 for http, none for tcp."},
    Key{"listeners.*.tls.alpn[]", kWord, "A protocol.", "", "h2 http/1.1"}.Called(
        "a protocol for ALPN"),
    Key{"listeners.*.tls.client_ca", kFile,
        "Certificates, PEM, of whom a client must have one; none: clients need none.", "none",
        "none"},
    Key{"listeners.*.tls.ticket_key_file", kFile,
        "Secrets, one a line, that session tickets are encrypted with: the first for new ones, all "
        "accepted; none: ephemeral ones.",
        "none", "none"},
    Key{"listeners.*.trusted_proxies", kList, "Peers whose word on the client's address is taken."},
    Key{"listeners.*.trusted_proxies[]", kPrefix, "An address block."},
    Key{"listeners.*.via", kName,
        "Our name in Via, added to requests and responses; off: none is, since some servers do not "
        "compress for proxies.",
        "off", "off"},
    Key{"listeners.*.proxy_protocol", kWord, "PROXY header from trusted peers.", "off",
        "off accept require"}
        .Called("a use of the PROXY protocol"),
    Key{"listeners.*.limits", kMap, "Bounds on what a client may send."},
    Key{"listeners.*.limits.header_size", kBytes, "Request head.", "32KiB"}.In(kKiB, kMiB),
    Key{"listeners.*.limits.headers", kInteger, "Number of headers.", "100"}.In(1,
                                                                                codec::kMaxFields),
    Key{"listeners.*.limits.body_size", kBytes, "Request body.", "unlimited", "unlimited"}.In(0,
                                                                                              kPiB),
    Key{"listeners.*.limits.header_timeout", kDuration, "For the whole request head.", "10s"}.In(
        kMillisecond, kHour),
    Key{"listeners.*.limits.body_timeout", kDuration, "For the whole request body.", "unlimited",
        "unlimited"}
        .In(kMillisecond, 24 * kHour),
    Key{"listeners.*.limits.min_rate", kBytes,
        "Of a request body a second, over five seconds each; a slower client is cut off.",
        "unlimited", "unlimited"}
        .In(1, kMiB),
    Key{"listeners.*.limits.rate", kInteger,
        "Requests a second from one client; with tcp new connections, with udp new sessions.",
        "unlimited", "unlimited"}
        .In(1, 1e6),
    Key{"listeners.*.limits.accept_rate", kInteger,
        "New connections a second from all clients together; more are reset.", "unlimited",
        "unlimited"}
        .In(1, 1e6),
    Key{"listeners.*.limits.rate_burst", kInteger, "Requests at once; auto: as many as a second's.",
        "auto", "auto"}
        .In(1, 1e9),
    Key{"listeners.*.limits.rate_by", kWord,
        "What is one client: its address (of IPv6 the /64), or a header's value, header:NAME.",
        "client", "client header"}
        .Called("a kind of client")
        .With(kArgument),
    Key{"listeners.*.limits.connections_per_client", kInteger,
        "Connections, or with udp sessions, that one address (of IPv6 the /64) may have open.",
        "unlimited", "unlimited"}
        .In(1, 65535),
    Key{"listeners.*.limits.requests_per_connection", kInteger,
        "Requests after which a connection is closed.", "unlimited", "unlimited"}
        .In(1, 1e9),
    Key{"listeners.*.limits.sessions", kInteger,
        "Sessions at once, for udp; a new one beyond that is dropped.", "65536"}
        .In(1, 1e8),
    Key{"listeners.*.allow", kMap, "Only clients that one of these lists holds."},
    Key{"listeners.*.allow.country", kList, "Countries."},
    Key{"listeners.*.allow.country[]", kCountry, "ISO 3166-1 alpha-2 code."},
    Key{"listeners.*.allow.continent", kList, "Continents."},
    Key{"listeners.*.allow.continent[]", kWord, "Continent code.", "", kContinents}.Called(
        "a continent code"),
    Key{"listeners.*.allow.asn", kList, "Autonomous systems."},
    Key{"listeners.*.allow.asn[]", kInteger, "Autonomous system number."}.In(1, 4294967295),
    Key{"listeners.*.allow.network", kList, "Address blocks."},
    Key{"listeners.*.allow.network[]", kPrefix, "An address block."},
    Key{"listeners.*.deny", kMap, "No clients that one of these lists holds; wins over allow."},
    Key{"listeners.*.deny.country", kList, "Countries."},
    Key{"listeners.*.deny.country[]", kCountry, "ISO 3166-1 alpha-2 code."},
    Key{"listeners.*.deny.continent", kList, "Continents."},
    Key{"listeners.*.deny.continent[]", kWord, "Continent code.", "", kContinents}.Called(
        "a continent code"),
    Key{"listeners.*.deny.asn", kList, "Autonomous systems."},
    Key{"listeners.*.deny.asn[]", kInteger, "Autonomous system number."}.In(1, 4294967295),
    Key{"listeners.*.deny.network", kList, "Address blocks."},
    Key{"listeners.*.deny.network[]", kPrefix, "An address block."},
};

// "a.*[].b" -> a, *, [], b.
std::vector<std::string_view> Parts(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t end = path.starts_with("[]") ? 2 : std::min(path.find_first_of(".["), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return parts;
}

}  // namespace

Spec MakeTree(std::span<const Key> keys) {
  Spec root;
  for (const Key& key : keys) {
    Spec* at = &root;
    for (const std::string_view part : Parts(key.path)) {
      const auto found = std::find_if(at->children.begin(), at->children.end(),
                                      [&](const Spec& child) { return child.name == part; });
      if (found != at->children.end()) {
        at = &*found;
      } else {
        at->children.push_back({part, nullptr, {}});
        at = &at->children.back();
      }
    }
    MERIDIAN_CHECK(at->key == nullptr);
    at->key = &key;
  }
  return root;
}

std::span<const Key> Keys() {
  static const std::vector<Key> keys = [] {
    std::vector<Key> all;
    for (const std::span<const Key> some :
         {std::span<const Key>(kProcessKeys), std::span<const Key>(kTopologyKeys),
          std::span<const Key>(kServiceKeys), std::span<const Key>(kListenerKeys), RouteKeys(),
          NameKeys()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return keys;
}

const Spec* Spec::Find(std::string_view child) const {
  for (const Spec& spec : children) {
    if (spec.name == child || spec.name == "*" || spec.name == "[]") return &spec;
  }
  return nullptr;
}

const Spec& RootSpec() {
  static const Spec root = MakeTree(Keys());
  return root;
}

std::vector<std::string_view> SplitWords(std::string_view words) {
  std::vector<std::string_view> out;
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    out.push_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return out;
}

}  // namespace meridian::config
