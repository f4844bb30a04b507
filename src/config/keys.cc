// The table, and its tree. A row's parent stands above it. Rows marked kLater and the words under
// `later` are refused as "not supported yet" unless they say what holds anyway (`fallback`).
#include "config/keys.h"

#include <meridian/base/check.h>

#include <string>

namespace meridian::config {
namespace {

constexpr double kMillisecond = 1e6, kSecond = 1e9, kHour = 3600 * kSecond;
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

constexpr Key kHookKeys[] = {
    Key{"hooks", kNames, "Programs that are run when something happens."}.With(kMergeable),
    Key{"hooks.*", kMap, "One program, with the event as JSON on its standard input."},
    Key{"hooks.*.on_event", kList, "Kinds of events, or one of its kind such as failover/moved."}
        .With(kRequired | kNonEmpty),
    Key{"hooks.*.on_event[]", kWord, "A kind; * for all.", "",
        "* endpoint failover failover/activation failover/alarm failover/approval failover/channel "
        "failover/moved failover/operator failover/state failover/storage failover/switch-aborted "
        "intent process reload"}
        .Called("a kind of event"),
    Key{"hooks.*.service", kName, "Only events of this service."},
    Key{"hooks.*.run", kList, "The program's absolute path, then its arguments; no shell."}.With(
        kRequired | kNonEmpty),
    Key{"hooks.*.run[]", kText, "The path, or an argument."},
    Key{"hooks.*.gate", kBool,
        "Asked by failover/activation whether a site may open: it does if the program ends with 0.",
        "false"},
    Key{"hooks.*.timeout", kDuration, "When it is ended: by SIGTERM, a second later by SIGKILL.",
        "30s"}
        .In(100 * kMillisecond, kHour),
    Key{"hooks.*.queue", kInteger, "Events that wait for it; more are dropped.", "64"}.In(1, 10000),
    Key{"hooks.*.at_once", kInteger, "Processes at once.", "1"}.In(1, 64),
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
         {std::span<const Key>(kProcessKeys), std::span<const Key>(kTopologyKeys), ServiceKeys(),
          ListenerKeys(), RouteKeys(), NameKeys(), std::span<const Key>(kHookKeys)}) {
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
