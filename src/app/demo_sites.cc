// See demo_sites.h.
#include "demo_sites.h"

#include <meridian/base/format.h>

namespace meridian::app {
namespace {

const net::Address kAnyPort(net::IpAddress::V4(0x7f000001), 0);

std::string_view ValueOf(const codec::Head& head, std::string_view name) {
  const codec::Field* field = head.Find(name);
  return field == nullptr ? std::string_view("(none)") : field->value;
}

TinyAnswer AnswerEndpoint(const std::string& site, int number, const codec::Head& head) {
  if (head.path == "/healthz") return {200, {}, "ok\n"};
  TinyAnswer answer;
  answer.fields = Format("Demo-Endpoint: {}/{}\r\n", site, number);
  answer.body = Format(
      "Hello from {}, endpoint {}.\n"
      "  Meridian-Site: {}\n  Meridian-Reason: {}\n  X-Forwarded-For: {}\n  {} {}\n",
      site, number, ValueOf(head, "Meridian-Site"), ValueOf(head, "Meridian-Reason"),
      ValueOf(head, "X-Forwarded-For"), head.method, head.path);
  return answer;
}

}  // namespace

Result<std::unique_ptr<DemoSites>> DemoSites::Start(const std::vector<std::string>& sites) {
  auto thread = LoopThread::Create();
  if (!thread) return tl::unexpected(thread.error());
  std::unique_ptr<DemoSites> demo(new DemoSites(std::move(*thread)));
  if (auto listening = demo->Listen(sites); !listening) return tl::unexpected(listening.error());
  DemoSites* raw = demo.get();
  demo->thread_->Start("sites", [raw] {
    raw->control_.reset();
    raw->servers_.clear();
  });
  return demo;
}

Result<> DemoSites::Listen(const std::vector<std::string>& sites) {
  for (const std::string& site : sites) {
    for (int number = 1; number <= 2; ++number) {
      auto http = std::make_unique<TinyHttp>(
          thread_->loop(),
          [site, number](const codec::Head& head) { return AnswerEndpoint(site, number, head); });
      if (auto listening = http->Listen(kAnyPort); !listening) return listening;
      endpoints_.push_back({site, number, http->address()});
      servers_.push_back({site, std::move(http)});
    }
  }
  control_ = std::make_unique<TinyHttp>(
      thread_->loop(), [this](const codec::Head& head) { return AnswerControl(head); });
  if (auto listening = control_->Listen(kAnyPort); !listening) return listening;
  control_address_ = control_->address();
  return {};
}

TinyAnswer DemoSites::AnswerControl(const codec::Head& head) {
  constexpr std::string_view kKill = "/kill/", kRevive = "/revive/";
  if (head.path.starts_with(kKill) || head.path.starts_with(kRevive)) {
    if (head.method != "POST") return {405, "Allow: POST\r\n", "use POST (curl -X POST …)\n"};
    const bool revive = head.path.starts_with(kRevive);
    return Switch(head.path.substr(revive ? kRevive.size() : kKill.size()), revive);
  }
  if (head.path != "/") return {404, {}, "POST /kill/SITE or /revive/SITE, GET /\n"};
  TinyAnswer answer;
  for (const Server& server : servers_) {
    answer.body += Format("{:<10} {}  {}\n", server.site, server.http->address().ToString(),
                          server.http->alive() ? "alive" : "dead");
  }
  return answer;
}

TinyAnswer DemoSites::Switch(std::string_view site, bool alive) {
  bool found = false;
  for (Server& server : servers_) {
    if (server.site != site) continue;
    found = true;
    if (!alive) {
      server.http->Kill();
    } else if (auto revived = server.http->Revive(); !revived) {
      return {500, {}, Describe(revived.error()) + "\n"};
    }
  }
  if (!found) return {404, {}, Format("no site '{}' here\n", site)};
  return {200, {}, Format("{} is {}\n", site, alive ? "back" : "dead: nobody answers there")};
}

}  // namespace meridian::app
