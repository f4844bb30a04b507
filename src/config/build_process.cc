// process, log, geo and admin.
#include "config/build.h"

#include <meridian/base/format.h>

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace meridian::config {
namespace {

// Why `path` cannot be written to, or made; empty: it can, for all that can be seen from outside.
std::string WhyNotWritable(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return "is a directory; expected a file";
    if (access(path.c_str(), W_OK) == 0) return {};
    return Format("cannot be written ({})", std::strerror(errno));
  }
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  if (errno != ENOENT) return Format("cannot be written ({})", std::strerror(errno));
  if (stat(directory.c_str(), &status) != 0)
    return Format("cannot be made: {} {}", Quote(directory), std::strerror(errno));
  if (access(directory.c_str(), W_OK | X_OK) == 0) return {};
  return Format("cannot be made ({})", std::strerror(errno));
}

void BuildAccessLog(Build& build, const View& access) {
  AccessLog& out = build.config.log.access;
  ReadWord(access, "format", out.combined, {{"json", false}, {"combined", true}});
  const View path = access["path"];
  if (!path) return;
  out.path = path.text() == "stdout" ? "stdout" : build.Path(access, "path");
  if (out.path.empty() || out.path == "stdout") return;
  if (const std::string why = WhyNotWritable(out.path); !why.empty()) {
    build.Error(path.place(), path.path(), Format("{} {}", Quote(out.path), why));
  }
}

void BuildLog(Build& build) {
  Log& out = build.config.log;
  const View log = build.root["log"];
  ReadWord(log, "level", out.level,
           {{"trace", log::Level::kTrace},
            {"debug", log::Level::kDebug},
            {"info", log::Level::kInfo},
            {"warn", log::Level::kWarn},
            {"error", log::Level::kError}});
  ReadWord(log, "format", out.json, {{"json", true}, {"text", false}});
  BuildAccessLog(build, log["access"]);
}

Place ReadPlace(Build& build, const View& from) {
  Place place;
  Read(from, "latitude", place.latitude);
  Read(from, "longitude", place.longitude);
  Read(from, "country", place.country);
  Read(from, "continent", place.continent);
  Read(from, "subdivision", place.subdivision);
  Read(from, "asn", place.asn);
  if (from.Has("latitude") != from.Has("longitude")) {
    build.Error(from.at(), from.path(),
                "latitude without longitude or the other way; expected both");
  }
  return place;
}

void BuildGeo(Build& build) {
  Geo& out = build.config.geo;
  const View geo = build.root["geo"];
  for (const View& database : geo["databases"].Entries()) {
    const std::string path = build.sources.Resolve(database.place().file, database.text());
    if (build.CheckReadable(database, path)) out.databases.push_back(path);
  }
  std::map<net::Prefix, Spot> seen;
  for (const auto& [name, view] : geo["networks"].Named()) {
    const auto prefix = net::Prefix::Parse(name);
    if (!prefix) continue;
    const auto [at, is_new] = seen.emplace(*prefix, view.at());
    if (is_new) {
      out.networks.emplace_back(*prefix, ReadPlace(build, view));
    } else {
      build.Error(view.at(), view.path(),
                  Format("the same address block as at {}", build.report.ToString(at->second)));
    }
  }
  if (const View place = geo["default"]) out.default_place = ReadPlace(build, place);
}

// The kernel's limit for the path of a Unix socket, its end included.
constexpr size_t kSocketPathBytes = sizeof(sockaddr_un::sun_path);

void BuildAdmin(Build& build) {
  Admin& out = build.config.admin;
  const View admin = build.root["admin"];
  if (const View socket = admin["socket"]) {
    out.socket = build.Path(admin, "socket");
    if (out.socket.size() >= kSocketPathBytes) {
      build.Error(socket.place(), socket.path(),
                  Format("a path of {} bytes; expected less than {}, the limit for a Unix socket",
                         out.socket.size(), kSocketPathBytes));
    }
  }
  if (const View http = admin["http"]; http && http.text() != "off") {
    out.http = net::Address::Parse(http.text());
    if (out.http && out.http->is_unix()) {
      build.Error(http.place(), http.path(),
                  Format("{} is not an IP address with a port; for a Unix socket use admin.socket",
                         Quote(http.text())));
    }
  }
  out.token_file = build.ExistingFile(admin, "token_file");
}

void BuildResolver(Build& build) {
  topology::ResolverPolicy& out = build.config.resolver;
  const View resolver = build.root["resolver"];
  for (const View& server : resolver["servers"].Entries()) {
    const auto address = net::Address::Parse(server.text());
    if (address && !address->is_unix() && address->port() != 0) {
      out.servers.push_back(address->ToString());
    } else {
      build.Error(server.place(), server.path(),
                  Format("{} is not an IP address with a port", Quote(server.text())));
    }
  }
  Read(resolver, "timeout", out.timeout);
  Read(resolver, "attempts", out.attempts);
  Read(resolver, "min_ttl", out.min_ttl);
  Read(resolver, "max_ttl", out.max_ttl);
  if (const View key = resolver[resolver.Has("max_ttl") ? "max_ttl" : "min_ttl"];
      key && out.max_ttl < out.min_ttl) {
    build.Error(key.place(), key.path(),
                Format("min_ttl is {}, max_ttl {}; expected it to be no less",
                       FormatDuration(out.min_ttl), FormatDuration(out.max_ttl)));
  }
}

}  // namespace

void BuildProcess(Build& build) {
  Process& out = build.config.process;
  const View process = build.root["process"];
  Read(process, "workers", out.workers);
  Read(process, "drain_timeout", out.drain_timeout);
  Read(process, "max_connections", out.max_connections);
  Read(process, "startup_grace", out.startup_grace);
  Read(process, "session_table", out.session_table);
  Read(process, "client_table", out.client_table);
  out.state_directory =
      process["state_directory"] ? build.Path(process, "state_directory") : "/var/lib/meridian";
  BuildLog(build);
  BuildGeo(build);
  BuildAdmin(build);
  BuildResolver(build);
}

}  // namespace meridian::config
