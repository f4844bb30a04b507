// See demo_tour.h. Each step is a claim; what it saw is printed either way.
#include "demo_tour.h"

#include <meridian/admin/client.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <set>
#include <thread>
#include <vector>

#include "demo_config.h"
#include "json_text.h"

namespace meridian::app {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(6);
constexpr auto kWholeTour = std::chrono::seconds(25);
constexpr auto kPause = std::chrono::milliseconds(20);

constexpr const char* kDallasClient = "127.0.32.1";
constexpr const char* kLondonClient = "127.0.51.1";
constexpr const char* kHonoluluClient = "127.0.21.1";

// Clients that ask without a pause, each on its own connection, until told to stop.
class Crowd {
 public:
  Crowd(const net::Address& server, const char* source, int clients) {
    for (int i = 0; i < clients; ++i) {
      threads_.emplace_back(
          [this, server, source] { Ask(server, *net::IpAddress::Parse(source)); });
    }
  }
  ~Crowd() { Stop(); }

  void Stop() {
    stop_.store(true);
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  uint64_t answered() const { return answered_.load(); }
  uint64_t failed() const { return failed_.load(); }
  // Until `more` further answers have come; false: they did not.
  bool WaitFor(uint64_t more) const {
    const uint64_t goal = answered() + more;
    const auto deadline = SteadyClock::now() + kPatience;
    while (answered() < goal && SteadyClock::now() < deadline) std::this_thread::sleep_for(kPause);
    return answered() >= goal;
  }

 private:
  void Ask(const net::Address& server, const net::IpAddress& source) {
    DemoClient client(server, source);
    while (!stop_.load()) {
      const auto response = client.Get();
      (response && response->status == 200 ? answered_ : failed_).fetch_add(1);
    }
  }

  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> answered_{0}, failed_{0};
};

std::string Replace(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

}  // namespace

bool DemoTour::Play() {
  static constexpr Step kSteps[] = {
      {"a client goes to the site nearest to its place", &DemoTour::PlaceDecides},
      {"a trusted X-Forwarded-For speaks for the client behind it", &DemoTour::ForwardedForDecides},
      {"real addresses are found in the country database", &DemoTour::DatabaseDecides},
      {"a session stays with its endpoint, wherever the client goes", &DemoTour::SessionStays},
      {"a site dies under running clients, and not one request fails",
       &DemoTour::DeadSiteIsNotNoticed},
      {"the site returns, and so do its clients", &DemoTour::SiteReturns},
      {"a drained site keeps its sessions and gets no new ones", &DemoTour::DrainMovesNewClients},
      {"undrained, it serves again", &DemoTour::UndrainBringsBack},
      {"a reload takes effect and no connection is touched", &DemoTour::ReloadKeepsConnections},
      {"a bad file is refused with its reason and changes nothing",
       &DemoTour::BadReloadChangesNothing},
      {"explain says what really happens", &DemoTour::ExplainAgrees},
  };
  bool all = true;
  const auto deadline = SteadyClock::now() + kWholeTour;
  for (const Step& step : kSteps) {
    if (step.play == &DemoTour::DatabaseDecides && at_.database.empty()) continue;
    if (SteadyClock::now() >= deadline) Cancel();
    all &= PlayStep(step);
  }
  if (!json_) std::puts(all ? "All of it is as claimed." : "Not all of it is as claimed.");
  std::fflush(stdout);
  return all;
}

bool DemoTour::PlayStep(const Step& step) {
  const Seen seen = cancelled_.load() ? Seen{false, "not played"} : (this->*step.play)();
  Print(step, seen);
  return seen.good;
}

void DemoTour::Print(const Step& step, const Seen& seen) const {
  if (json_) {
    std::printf("{\"claim\":%s,\"good\":%s,\"seen\":%s}\n", JsonQuote(step.claim).c_str(),
                seen.good ? "true" : "false", JsonQuote(seen.what).c_str());
  } else {
    std::printf("%s %s\n    %s\n", seen.good ? "✓" : "✗", step.claim, seen.what.c_str());
  }
  std::fflush(stdout);
}

std::string DemoTour::SiteFor(const std::string& source, const DemoClient::Fields& fields) {
  DemoClient client(at_.proxy, *net::IpAddress::Parse(source));
  const auto response = client.Get(fields);
  if (!response) return "no answer";
  if (response->status != 200) return Format("status {}", response->status);
  return response->Field("Meridian-Site");
}

bool DemoTour::ComesTo(const std::string& client, const std::string& site) {
  const auto deadline = SteadyClock::now() + kPatience;
  while (SiteFor(client) != site) {
    if (SteadyClock::now() >= deadline || cancelled_.load()) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

bool DemoTour::Switch(const char* what, const char* site) {
  DemoClient client(at_.control, {});
  const auto response = client.Request("POST", Format("/{}/{}", what, site));
  return response && response->status == 200;
}

std::optional<std::string> DemoTour::Api(std::string_view method, std::string_view target,
                                         std::string_view body) {
  auto answer = admin::Call(at_.admin_socket, method, target, body, std::chrono::seconds(10));
  if (!answer) return std::nullopt;
  return std::move(answer->body);
}

DemoTour::Seen DemoTour::PlaceDecides() {
  Seen seen{true, {}};
  for (const DemoPlace& place : kDemoPlaces) {
    const std::string site = SiteFor(place.client);
    seen.good &= site == place.nearest;
    seen.what += Format("{}{} → {}", seen.what.empty() ? "" : ", ", place.name, site);
  }
  return seen;
}

DemoTour::Seen DemoTour::ForwardedForDecides() {
  const std::string site = SiteFor(kLondonClient, {{"X-Forwarded-For", "127.0.35.9"}});
  return {site == "san-jose",
          Format("asked by a proxy in London for a client in Tokyo → {}", site)};
}

DemoTour::Seen DemoTour::DatabaseDecides() {
  struct Known {
    const char* address;
    const char* where;
    const char* site;
  };
  static constexpr Known kKnown[] = {{"133.11.0.1", "the University of Tokyo", "san-jose"},
                                     {"194.25.0.1", "a telecom in Germany", "atlanta"},
                                     {"132.248.10.1", "the University of Mexico", "dallas"}};
  Seen seen{true, {}};
  for (const Known& known : kKnown) {
    const std::string site = SiteFor("127.0.0.1", {{"X-Forwarded-For", known.address}});
    seen.good &= site == known.site;
    seen.what +=
        Format("{}{} ({}) → {}", seen.what.empty() ? "" : ", ", known.address, known.where, site);
  }
  return seen;
}

DemoTour::Seen DemoTour::SessionStays() {
  DemoClient first(at_.proxy, *net::IpAddress::Parse(kDallasClient));
  const auto begin = first.Get();
  if (!begin || begin->Cookie().empty()) return {false, "no cookie was set"};
  dallas_cookie_ = begin->Cookie();
  std::set<std::string> endpoints{begin->Field("Demo-Endpoint")};
  constexpr int kRequests = 20;
  for (int i = 0; i < kRequests; ++i) {
    DemoClient later(at_.proxy, *net::IpAddress::Parse(kLondonClient));
    const auto response = later.Get({{"Cookie", dallas_cookie_}});
    endpoints.insert(response ? response->Field("Demo-Endpoint") : "no answer");
  }
  std::string names;
  for (const std::string& name : endpoints) names += " " + name;
  return {
      endpoints.size() == 1 && names.starts_with(" dallas/"),
      Format("begun in Dallas, then {} new connections from London, all at{}", kRequests, names)};
}

DemoTour::Seen DemoTour::DeadSiteIsNotNoticed() {
  Crowd crowd(at_.proxy, kDallasClient, 4);
  const bool before = crowd.WaitFor(200);
  const bool killed = Switch("kill", "dallas");
  const auto start = SteadyClock::now();
  const bool moved = ComesTo(kDallasClient, "atlanta");
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - start);
  const bool after = crowd.WaitFor(500);
  crowd.Stop();
  return {before && killed && moved && after && crowd.failed() == 0,
          Format("{} requests answered while dallas died, {} failed; new clients were in atlanta "
                 "after {} ms",
                 crowd.answered(), crowd.failed(), took.count())};
}

DemoTour::Seen DemoTour::SiteReturns() {
  const bool revived = Switch("revive", "dallas");
  const bool back = ComesTo(kDallasClient, "dallas");
  return {revived && back, Format("a client from Dallas → {}", SiteFor(kDallasClient))};
}

DemoTour::Seen DemoTour::DrainMovesNewClients() {
  DemoClient inside(at_.proxy, *net::IpAddress::Parse(kDallasClient));
  const auto session = inside.Get();
  const std::string cookie = session ? session->Cookie() : std::string();
  const std::string home = session ? session->Field("Demo-Endpoint") : std::string();
  const auto answer =
      Api("POST", "/v1/drain", R"({"target":"dallas","author":"tour","reason":"showing a drain"})");
  if (!answer || cookie.empty()) return {false, "the drain was not accepted"};
  const bool moved = ComesTo(kDallasClient, "atlanta");
  DemoClient again(at_.proxy, *net::IpAddress::Parse(kDallasClient));
  const auto kept = again.Get({{"Cookie", cookie}});
  const std::string stayed = kept ? kept->Field("Demo-Endpoint") : "no answer";
  return {moved && stayed == home && home.starts_with("dallas/"),
          Format("a new client from Dallas → {}, the session of before → {}",
                 SiteFor(kDallasClient), stayed)};
}

DemoTour::Seen DemoTour::UndrainBringsBack() {
  const auto answer = Api("DELETE", "/v1/drain", R"({"target":"dallas"})");
  const bool back = answer && ComesTo(kDallasClient, "dallas");
  return {back, Format("a new client from Dallas → {}", SiteFor(kDallasClient))};
}

DemoTour::Seen DemoTour::ReloadKeepsConnections() {
  DemoClient client(at_.proxy, *net::IpAddress::Parse(kLondonClient));
  const auto before = client.Get();
  const std::string text =
      Replace(ReadTextFile(at_.config_file), "    127.0.33.0/24",
              "    127.0.21.0/24: {latitude: 21.307, longitude: -157.858, country: US, continent: "
              "NA}   # Honolulu\n    127.0.33.0/24");
  if (!WriteTextFile(at_.config_file, text)) return {false, "the file cannot be written"};
  const auto answer = Api("POST", "/v1/reload");
  const std::string generation =
      answer ? admin::FieldOf(*answer, "/generation").value_or("?") : "?";
  const bool accepted = answer && admin::FieldOf(*answer, "/accepted") == "true";
  const auto after = client.Get();
  const std::string site = SiteFor(kHonoluluClient);
  return {before && after && after->status == 200 && client.connects() == 1 && accepted &&
              generation == "2" && site == "san-jose",
          Format("generation {}, a connection of before goes on, new place Honolulu → {}",
                 generation, site)};
}

DemoTour::Seen DemoTour::BadReloadChangesNothing() {
  const std::string good = ReadTextFile(at_.config_file);
  WriteTextFile(at_.config_file, Replace(good, "steering: nearest", "steering: neares"));
  const auto answer = Api("POST", "/v1/reload");
  WriteTextFile(at_.config_file, good);
  const auto status = Api("GET", "/v1/status");
  if (!answer || !status) return {false, "the admin interface does not answer"};
  const bool refused = admin::FieldOf(*answer, "/accepted") == "false";
  const std::string generation = admin::FieldOf(*status, "/generation").value_or("?");
  const std::string message =
      admin::FieldOf(*answer, "/diagnostics/0/message").value_or("no diagnostic");
  const std::string site = SiteFor(kHonoluluClient);
  return {refused && generation == "2" && message.find("neares") != std::string::npos &&
              site == "san-jose",
          Format("{}; generation {} goes on, Honolulu → {}", message, generation, site)};
}

DemoTour::Seen DemoTour::ExplainAgrees() {
  Seen seen{true, {}};
  for (const DemoPlace& place : kDemoPlaces) {
    const auto answer = Api("GET", Format("/v1/explain?service=web&client={}", place.client));
    const std::string said =
        answer ? admin::FieldOf(*answer, "/choice/site").value_or("?") : "no answer";
    const std::string real = SiteFor(place.client);
    seen.good &= said == real;
    seen.what += Format("{}{}: {}", seen.what.empty() ? "" : ", ", place.name,
                        said == real ? said : "said " + said + ", was " + real);
  }
  return seen;
}

}  // namespace meridian::app
