// meridian demo: three sites and the engine in one process, to try by hand or, with --tour, to
// watch.
#include <errno.h>
#include <fcntl.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "commands.h"
#include "demo_config.h"
#include "demo_tour.h"
#include "engine.h"
#include "json_text.h"

namespace meridian::app {
namespace {

// What a demo consists of besides its engine.
struct Stage {
  TemporaryDirectory directory;
  std::unique_ptr<DemoSites> sites;
  DemoAddresses at;
};

int Complain(const std::string& text) {
  std::fprintf(stderr, "meridian demo: %s\n", text.c_str());
  return kFailed;
}

// SO_REUSEPORT would let two proxies of one user share a port: ask without it.
std::optional<std::string> PortFault(uvio::UvLoop& loop, uint16_t port) {
  class Nobody final : public net::AcceptHandler {
    void OnAccept(net::StreamPtr) override {}
  } nobody;
  const net::Address address(net::IpAddress::V4(0x7f000001), port);
  const auto listener = loop.Listen(address, {}, nobody);
  if (listener) return std::nullopt;
  if (listener.error().system == EADDRINUSE) {
    return Format("port {} is taken; name another, such as: meridian demo --port {}", port,
                  port < 65535 ? port + 1 : 8081);
  }
  return Format("{}: {}", address.ToString(), meridian::Describe(listener.error()));
}

// Empty: all is in place.
std::string Prepare(Stage& stage, uint16_t port) {
  if (!stage.directory.ok())
    return "no temporary directory can be made (TMPDIR names another place)";
  auto sites = DemoSites::Start(DemoSiteNames());
  if (!sites) return "the sites cannot listen: " + meridian::Describe(sites.error());
  stage.sites = std::move(*sites);
  stage.at.control = stage.sites->control();
  stage.at.database = FindDemoDatabase();
  stage.at.config_file = stage.directory.path() + "/meridian.yaml";
  stage.at.admin_socket = stage.directory.path() + "/admin.sock";
  const DemoConfigInput input{.directory = stage.directory.path(),
                              .port = port,
                              .database = stage.at.database,
                              .sites = stage.sites.get()};
  net::Xoshiro random(net::SeedFromSystem());
  std::string key;
  while (key.size() < 64) key += Format("{:016x}", random.Next());
  if (!WriteTextFile(stage.directory.path() + "/session.key", key) ||
      !WriteTextFile(stage.at.config_file, DemoConfigText(input))) {
    return stage.directory.path() + " cannot be written";
  }
  return {};
}

std::string Describe(const Stage& stage) {
  const std::string url = "http://" + stage.at.proxy.ToString() + "/";
  const std::string control = "http://" + stage.at.control.ToString();
  std::string text = "\nMeridian demo: three sites on this machine, behind " + url + "\n\n";
  for (const DemoSites::Endpoint& endpoint : stage.sites->endpoints()) {
    text += Format("  {:<10}{}\n", endpoint.number == 1 ? endpoint.site : "",
                   endpoint.address.ToString());
  }
  text += Format("\n  configuration   {}\n  geo database    {}\n", stage.at.config_file,
                 stage.at.database.empty() ? "none (packaging/geodb makes one of real addresses)"
                                           : stage.at.database);
  text += "\nTo try in another terminal:\n\n";
  text += Format("  export PATH={}:$PATH MERIDIAN_SOCKET={}\n\n", BinaryDirectory(),
                 stage.at.admin_socket);
  text += "  # Ask from somewhere: each of these loopback addresses stands for a place.\n";
  for (const DemoPlace& place : kDemoPlaces) {
    text += Format("  curl --interface {:<10} {}   # {}\n", place.client, url, place.name);
  }
  text += Format("  curl -H 'X-Forwarded-For: 127.0.35.9' {}   # a proxy says: Tokyo\n", url);
  if (!stage.at.database.empty()) {
    text += Format("  curl -H 'X-Forwarded-For: 133.11.0.1' {}   # a real address\n", url);
  }
  text += "\n  # Why?\n  meridian explain --service web --client 127.0.51.1\n";
  text += Format(
      "\n  # Stay: the cookie keeps the endpoint, even from London.\n"
      "  curl -s -c jar --interface 127.0.32.1 {0} ; curl -s -b jar --interface 127.0.51.1 {0}\n",
      url);
  text += Format(
      "\n  # Kill a site, ask from there, bring it back.\n"
      "  curl -X POST {0}/kill/dallas\n  curl --interface 127.0.32.1 {1}\n"
      "  curl -X POST {0}/revive/dallas\n",
      control, url);
  text +=
      "\n  # Drain a site: no new sessions, those that are there stay.\n"
      "  meridian drain atlanta --deadline 5m --reason 'trying it'\n"
      "  meridian sites\n  meridian undrain atlanta\n";
  text +=
      "\n  # Change the configuration while it runs.\n"
      "  $EDITOR " +
      stage.at.config_file + " && meridian reload\n";
  return text + "\nCtrl-C ends it.\n\n";
}

std::string DescribeJson(const Stage& stage) {
  std::string endpoints;
  for (const DemoSites::Endpoint& endpoint : stage.sites->endpoints()) {
    endpoints += Format("{}{{\"site\":{},\"address\":{}}}", endpoints.empty() ? "" : ",",
                        JsonQuote(endpoint.site), JsonQuote(endpoint.address.ToString()));
  }
  return Format(
      "{{\"proxy\":{},\"control\":{},\"admin_socket\":{},\"config_file\":{},\"endpoints\":[{}]}}\n",
      JsonQuote(stage.at.proxy.ToString()), JsonQuote(stage.at.control.ToString()),
      JsonQuote(stage.at.admin_socket), JsonQuote(stage.at.config_file), endpoints);
}

// While it lives, standard error goes to a file: the tour's lines stand alone.
class QuietLog {
 public:
  explicit QuietLog(const std::string& path) : path_(path), saved_(::dup(STDERR_FILENO)) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return;
    ::dup2(file, STDERR_FILENO);
    ::close(file);
  }
  ~QuietLog() { Restore(); }
  void Restore() {
    if (saved_ < 0) return;
    std::fflush(stderr);
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
    saved_ = -1;
  }
  void Show() {
    Restore();
    std::fputs(ReadTextFile(path_).c_str(), stderr);
  }

 private:
  std::string path_;
  int saved_;
};

// The engine's address, once it serves.
net::Address ProxyAddress(const Engine& engine) {
  for (const auto& [name, address] : engine.status().listeners) {
    if (const auto parsed = net::Address::Parse(address)) return *parsed;
  }
  return {};
}

int Serve(uvio::UvLoop& loop, Stage& stage, bool json) {
  Engine* running = nullptr;
  Engine engine(loop, {.config_file = stage.at.config_file,
                       .on_serving =
                           [&] {
                             stage.at.proxy = ProxyAddress(*running);
                             const std::string text = json ? DescribeJson(stage) : Describe(stage);
                             std::fputs(text.c_str(), stdout);
                             std::fflush(stdout);
                           },
                       .json_log = json});
  running = &engine;
  if (!engine.Start()) return kFailed;
  loop.Run();
  return kDone;
}

int Tour(uvio::UvLoop& loop, Stage& stage, bool json) {
  QuietLog quiet(stage.directory.path() + "/log");
  std::optional<bool> good;
  std::unique_ptr<DemoTour> tour;
  std::thread player;
  Engine* running = nullptr;
  {
    Engine engine(loop, {.config_file = stage.at.config_file,
                         .on_serving =
                             [&] {
                               stage.at.proxy = ProxyAddress(*running);
                               tour = std::make_unique<DemoTour>(stage.at, json);
                               player = std::thread([&] {
                                 good = tour->Play();
                                 loop.Post([&] { running->Stop(true); });
                               });
                             },
                         .json_log = json});
    running = &engine;
    if (engine.Start()) loop.Run();
    if (tour) tour->Cancel();
    if (player.joinable()) player.join();
  }
  if (good.value_or(false)) return kDone;
  quiet.Show();
  return kFailed;
}

}  // namespace

int DemoCommand(const Command& self, Arguments arguments) {
  std::string port_text;
  bool tour = false, json = false;
  CommandLine line(
      self.name, self.summary,
      "Atlanta, Dallas and San Jose with two small HTTP endpoints each, the proxy and "
      "its admin\ninterface in one process, all on loopback; prints what to try. "
      "Nothing outside a temporary\ndirectory is touched. Real addresses are located "
      "if ../geo/country.mmdb stands beside the\nbinary or MERIDIAN_GEO_DATABASE names "
      "a MaxMind file.\nExample: meridian demo --tour");
  line.Option("--port", port_text, "PORT", "of the proxy (8080; with --tour any free one)");
  line.Flag("--tour", tour, "play it by itself; exit status 0 only if each step did what it says");
  line.Flag("--json", json, "the addresses, or the steps, as JSON objects, one a line");
  if (const auto status = line.Parse(arguments)) return *status;
  const auto port = ParseUnsigned(port_text.empty() ? (tour ? "0" : "8080") : port_text);
  if (!port || *port > 65535) {
    Complain("--port: '" + port_text + "' is not a port");
    return kUsage;
  }
  auto loop = uvio::UvLoop::Create();
  if (!loop) return Complain(meridian::Describe(loop.error()));
  const auto number = static_cast<uint16_t>(*port);
  if (const auto fault = PortFault(**loop, number)) return Complain(*fault);
  Stage stage;
  if (const std::string fault = Prepare(stage, number); !fault.empty()) return Complain(fault);
  return tour ? Tour(**loop, stage, json) : Serve(**loop, stage, json);
}

}  // namespace meridian::app
