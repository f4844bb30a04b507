// Arbitrary bytes from a client of a TLS listener, in pieces. Holds: nothing is told as data or as
// established (no handshake can succeed without knowing a key), at most one error is told, and the
// stream can be destroyed at any point. The first byte of the input says how it is cut.
#include <meridian/base/check.h>
#include <meridian/tls/stream.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/target.h"
#include "testing/certificates.h"

namespace meridian::tls {
namespace {

class Sink final : public net::Stream {
 public:
  void SetHandler(net::StreamHandler* handler) override { told = handler; }
  void StartReading() override {}
  void StopReading() override {}
  void Write(std::span<const std::string_view>) override {}
  size_t pending_bytes() const override { return 0; }
  void FinishWriting() override {}
  void Reset() override {}
  net::Address peer() const override { return address; }
  net::Address local() const override { return address; }

  net::StreamHandler* told = nullptr;
  net::Address address = *net::Address::Parse("10.0.0.1:443");
};

class StillLoop final : public net::Loop {
 public:
  Result<net::StreamPtr> Connect(const net::Address&, const net::ConnectOptions&,
                                 net::StreamHandler&) override {
    return Fail(ErrorCode::kUnsupported, "connect");
  }
  Result<std::unique_ptr<net::Listener>> Listen(const net::Address&, const net::ListenOptions&,
                                                net::AcceptHandler&) override {
    return Fail(ErrorCode::kUnsupported, "listen");
  }
  Result<std::unique_ptr<net::DatagramListener>> ListenDatagrams(const net::Address&,
                                                                 const net::DatagramListenOptions&,
                                                                 net::DatagramHandler&) override {
    return Fail(ErrorCode::kUnsupported, "listen");
  }
  Result<std::unique_ptr<net::DatagramSocket>> ConnectDatagrams(const net::Address&,
                                                                net::DatagramHandler&) override {
    return Fail(ErrorCode::kUnsupported, "connect");
  }
  void Arm(net::Timer& timer, Duration delay) override { wheel.Arm(timer, now, delay); }
  void AtTurnEnd(net::TurnTask&) override {}
  void Post(std::function<void()>) override {}
  MonotonicTime Now() const override { return now; }
  WallTime WallNow() const override { return {}; }

  MonotonicTime now{};
  net::TimerWheel wheel{now};
};

struct Judge final : net::StreamHandler {
  void OnConnected() override { MERIDIAN_CHECK(false); }
  void OnRead(std::string_view) override { MERIDIAN_CHECK(false); }
  void OnEnd() override { MERIDIAN_CHECK(false); }
  void OnDrained() override {}
  void OnError(const Error&) override { MERIDIAN_CHECK(++errors == 1); }
  int errors = 0;
};

const std::shared_ptr<const ServerContext>& Context() {
  static fakes::CertificateFolder folder;
  static const std::shared_ptr<const ServerContext> context = [] {
    const auto issued = folder.Issue("a", {.subject = "a", .names = {"a.test", "*.b.test"}});
    ServerOptions options;
    options.certificates = {{issued.certificate, issued.key, {}}};
    options.alpn = {"h2", "http/1.1"};
    Problems problems;
    return ServerContext::Create(options, problems);
  }();
  return context;
}

}  // namespace
}  // namespace meridian::tls

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace meridian::tls;
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t piece = 1 + data[0] * size_t{4};
  StillLoop loop;
  Workspace workspace(loop);
  Judge judge;
  auto inner = std::make_unique<Sink>();
  Sink& end = *inner;
  const StreamPtr stream = Accept(workspace, Context(), std::move(inner));
  stream->SetHandler(&judge);
  stream->StartReading();
  while (!bytes.empty() && judge.errors == 0) {
    const auto copy = std::make_unique<char[]>(std::min(piece, bytes.size()));
    const size_t count = bytes.copy(copy.get(), piece);
    end.told->OnRead({copy.get(), count});
    bytes.remove_prefix(count);
  }
  if (judge.errors == 0) end.told->OnEnd();
  MERIDIAN_CHECK(judge.errors == 1);
  return 0;
}
