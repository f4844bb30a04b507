// See demo_config.h.
#include "demo_config.h"

#include <dirent.h>
#include <meridian/base/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace meridian::app {
namespace {

std::string SitesText(const DemoSites& sites) {
  struct Home {
    const char* region;
    const char* site;
    const DemoPlace& place;
  };
  const std::array<Home, 3> homes{{{"us-east", "atlanta", kDemoPlaces[0]},
                                   {"us-south", "dallas", kDemoPlaces[1]},
                                   {"us-west", "san-jose", kDemoPlaces[2]}}};
  std::string text = "regions:\n";
  for (const Home& home : homes) {
    text += Format("  {}:\n    sites:\n      {}:\n", home.region, home.site);
    text += Format("        latitude: {}\n        longitude: {}\n", home.place.latitude,
                   home.place.longitude);
    text += "        country: US\n        continent: NA\n        services:\n          web:";
    for (const DemoSites::Endpoint& endpoint : sites.endpoints()) {
      if (endpoint.site == home.site) {
        text += Format("\n            - {}", endpoint.address.ToString());
      }
    }
    text += "\n";
  }
  return text;
}

std::string GeoText(const std::string& database) {
  std::string text = "geo:\n";
  if (!database.empty()) text += Format("  databases: [\"{}\"]\n", database);
  text += "  networks:            # each /24 of loopback stands for a place\n";
  for (const DemoPlace& place : kDemoPlaces) {
    text += Format("    {}: {{latitude: {}, longitude: {}, country: {}, continent: {}}}   # {}\n",
                   place.network, place.latitude, place.longitude, place.country, place.continent,
                   place.name);
  }
  return text;
}

}  // namespace

std::vector<std::string> DemoSiteNames() {
  return {"atlanta", "dallas", "san-jose"};
}

std::string BinaryDirectory() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return ".";
  const std::string_view text(path.data(), static_cast<size_t>(length));
  return std::string(text.substr(0, text.rfind('/')));
}

std::string FindDemoDatabase() {
  const char* named = std::getenv("MERIDIAN_GEO_DATABASE");
  if (named != nullptr && *named != '\0') return named;
  const std::string beside = BinaryDirectory() + "/../geo/country.mmdb";
  return ::access(beside.c_str(), R_OK) == 0 ? beside : std::string();
}

std::string DemoConfigText(const DemoConfigInput& input) {
  std::string text =
      "# The demo's configuration. Change it while it runs, then: meridian reload\n"
      "process:\n  state_directory: state\n  drain_timeout: 5s\n";
  text += GeoText(input.database);
  text +=
      "health_checks:\n"
      "  ready: {type: http, path: /healthz, interval: 500ms, fast_interval: 100ms, timeout: 300ms,"
      " rise: 2, fall: 2}\n";
  text += SitesText(*input.sites);
  text +=
      "services:\n"
      "  web:\n"
      "    steering: nearest\n"
      "    health_check: ready\n"
      "    session: {by: cookie, name: meridian, key_file: session.key}\n";
  text += Format(
      "listeners:\n"
      "  web:\n"
      "    bind: 127.0.0.1:{}\n"
      "    protocol: http\n"
      "    trusted_proxies: [127.0.0.0/8]   # so that X-Forwarded-For is believed\n"
      "    service: web\n"
      "admin:\n"
      "  socket: admin.sock\n",
      input.port);
  return text;
}

TemporaryDirectory::TemporaryDirectory() {
  const char* base = std::getenv("TMPDIR");
  std::string path = base != nullptr && *base != '\0' ? base : "/tmp";
  path += "/meridian-demo-XXXXXX";
  if (::mkdtemp(path.data()) != nullptr) path_ = path;
}

TemporaryDirectory::~TemporaryDirectory() {
  if (path_.empty()) return;
  for (const std::string& directory : {path_ + "/state", path_}) {
    DIR* listing = ::opendir(directory.c_str());
    if (listing == nullptr) continue;
    while (const dirent* entry = ::readdir(listing)) {
      ::unlink((directory + "/" + entry->d_name).c_str());
    }
    ::closedir(listing);
    ::rmdir(directory.c_str());
  }
}

bool WriteTextFile(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  return file.flush().good();
}

std::string ReadTextFile(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace meridian::app
