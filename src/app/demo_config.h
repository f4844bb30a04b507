// The demo's configuration: a real file in a temporary directory, which `run -c` and `check -c`
// read as any other. Control thread.
#pragma once

#include <meridian/base/result.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "demo_sites.h"

namespace meridian::app {

// Somewhere a client can be: a /24 of loopback stands for it.
struct DemoPlace {
  const char* name;
  const char* network;  // "127.0.33.0/24"
  const char* client;   // an address in it
  double latitude, longitude;
  const char* country;
  const char* continent;
  const char* nearest;  // the site that is
};

inline constexpr std::array<DemoPlace, 7> kDemoPlaces{{
    {"Atlanta", "127.0.33.0/24", "127.0.33.1", 33.749, -84.388, "US", "NA", "atlanta"},
    {"Dallas", "127.0.32.0/24", "127.0.32.1", 32.777, -96.797, "US", "NA", "dallas"},
    {"San Jose", "127.0.37.0/24", "127.0.37.1", 37.339, -121.895, "US", "NA", "san-jose"},
    {"London", "127.0.51.0/24", "127.0.51.1", 51.507, -0.128, "GB", "EU", "atlanta"},
    {"Tokyo", "127.0.35.0/24", "127.0.35.1", 35.690, 139.692, "JP", "AS", "san-jose"},
    {"New York", "127.0.40.0/24", "127.0.40.1", 40.713, -74.006, "US", "NA", "atlanta"},
    {"Mexico City", "127.0.19.0/24", "127.0.19.1", 19.433, -99.133, "MX", "NA", "dallas"},
}};

std::vector<std::string> DemoSiteNames();

// MERIDIAN_GEO_DATABASE, else ../geo/country.mmdb beside the running binary; empty if it is not
// there.
std::string FindDemoDatabase();
// The running binary's directory.
std::string BinaryDirectory();

struct DemoConfigInput {
  std::string directory;
  uint16_t port = 0;     // of the proxy, on 127.0.0.1
  std::string database;  // may be empty
  const DemoSites* sites = nullptr;
};
std::string DemoConfigText(const DemoConfigInput& input);

// A fresh directory under TMPDIR or /tmp, removed at the end with its files and those in state/.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  bool ok() const { return !path_.empty(); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

bool WriteTextFile(const std::string& path, std::string_view text);
std::string ReadTextFile(const std::string& path);

}  // namespace meridian::app
