// The clock, the queue of events, the hosts and the faults. Connections are in memory_wire.cc.
#include "testing/memory_net.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "testing/allocations.h"
#include "testing/memory_datagrams.h"
#include "testing/memory_listener.h"
#include "testing/memory_wire.h"

namespace meridian::fakes {
namespace {

constexpr WallTime kWallStart(std::chrono::seconds(1'767'225'600));
constexpr uint16_t kFirstPort = 20000;
constexpr uint16_t kLastPort = 60000;
// Two handlers that answer each other without latency would never let time go on.
constexpr size_t kMaxEventsPerInstant = 1'000'000;

bool IsWildcard(const net::Address& at) {
  const auto& bytes = at.ip().bytes();
  return !at.is_unix() && std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

}  // namespace

MemoryLoop::MemoryLoop(MemoryNet& net, const net::IpAddress& host)
    : net_(net), host_(host), wheel_(net.Now()) {}

MonotonicTime MemoryLoop::Now() const {
  return net_.now_;
}
WallTime MemoryLoop::WallNow() const {
  return kWallStart + net_.now_.time_since_epoch();
}

Result<net::StreamPtr> MemoryLoop::Connect(const net::Address& to,
                                           const net::ConnectOptions& options,
                                           net::StreamHandler& handler) {
  const Excluded excluded;
  MERIDIAN_CHECK(to.ok());
  const net::IpAddress ip = options.source.ok() ? options.source.ip() : host_;
  if (!to.is_unix() && options.source.ok() && ip.family() != to.ip().family()) {
    return Fail(ErrorCode::kInvalid, "connect", EAFNOSUPPORT);
  }
  const uint16_t port = options.source.port() != 0 ? options.source.port() : net_.NextPort();
  const auto wire = std::make_shared<Wire>(
      net_, *this, to.is_unix() ? net::Address() : net::Address(ip, port), to);
  if (net_.wires_.size() > 2 * net_.open_streams_ + 1024) net_.ForgetClosed();
  net_.wires_.push_back(wire);
  net::StreamPtr stream = wire->MakeStream(0);
  wire->StartConnect(handler);
  return stream;
}

Result<std::unique_ptr<net::Listener>> MemoryLoop::Listen(const net::Address& at,
                                                          const net::ListenOptions& options,
                                                          net::AcceptHandler& handler) {
  const Excluded excluded;
  MERIDIAN_CHECK(at.ok());
  const bool any_port = !at.is_unix() && at.port() == 0;
  const net::Address real = any_port ? net::Address(at.ip(), net_.NextPort()) : at;
  const auto [first, last] = net_.listeners_.equal_range(real);
  const bool shared = std::all_of(first, last, [&options](const auto& entry) {
    return options.reuse_port && entry.second->reuse_port();
  });
  if (!shared) return Fail(ErrorCode::kConflict, "bind", EADDRINUSE);
  return std::make_unique<MemoryListener>(*this, net_, real, options, handler);
}

Result<std::unique_ptr<net::DatagramListener>> MemoryLoop::ListenDatagrams(
    const net::Address& at, const net::DatagramListenOptions& options,
    net::DatagramHandler& handler) {
  const Excluded excluded;
  MERIDIAN_CHECK(at.ip().ok());
  const net::Address real = at.port() == 0 ? net::Address(at.ip(), net_.NextPort()) : at;
  const auto [first, last] = net_.datagram_listeners_.equal_range(real);
  const bool shared = std::all_of(first, last, [&options](const auto& entry) {
    return options.reuse_port && entry.second->reuse_port();
  });
  if (!shared) return Fail(ErrorCode::kConflict, "bind", EADDRINUSE);
  return std::make_unique<MemoryDatagramListener>(*this, net_, real, options, handler);
}

Result<std::unique_ptr<net::DatagramSocket>> MemoryLoop::ConnectDatagrams(
    const net::Address& to, net::DatagramHandler& handler) {
  const Excluded excluded;
  MERIDIAN_CHECK(to.ip().ok());
  return std::make_unique<MemoryDatagramSocket>(net_, net::Address(host_, net_.NextPort()), to,
                                                handler);
}

void MemoryLoop::Arm(net::Timer& timer, Duration delay) {
  wheel_.Arm(timer, net_.now_, delay);
}

void MemoryLoop::Post(std::function<void()> task) {
  const Excluded excluded;
  net_.After(Duration(0), [task = std::move(task)] {
    const Included included;
    task();
  });
}

void MemoryLoop::AtTurnEnd(net::TurnTask& task) {
  if (task.linked()) return;
  turn_tasks_.PushBack(task);
  const Excluded excluded;
  net_.After(Duration(0), [this] {
    if (turn_tasks_.empty()) return;
    net::TurnTask& due = turn_tasks_.front();
    due.Unlink();
    const Included included;
    due.OnTurnEnd();
  });
}

MemoryNet::MemoryNet(const MemoryNetOptions& options)
    : options_(options), random_(options.seed), next_port_(kFirstPort) {
  MERIDIAN_CHECK(options.capacity > 0 && options.segment > 0);
  MERIDIAN_CHECK(options.latency >= Duration(0));
}

MemoryNet::~MemoryNet() {
  events_.clear();
  MERIDIAN_CHECK(open_streams_ == 0 && listeners_.empty());
  MERIDIAN_CHECK(datagram_listeners_.empty() && datagram_sockets_.empty());
}

MemoryLoop& MemoryNet::AddLoop(const net::IpAddress& host) {
  return *loops_.emplace_back(std::make_unique<MemoryLoop>(*this, host));
}

void MemoryNet::After(Duration delay, Event event) {
  events_.emplace(std::pair(now_ + delay, sequence_++), std::move(event));
}

MonotonicTime MemoryNet::NextTime() {
  MonotonicTime next = events_.empty() ? MonotonicTime::max() : events_.begin()->first.first;
  for (const auto& loop : loops_) next = std::min(next, loop->wheel_.NextExpiry());
  return next;
}

// All events of this instant, then its timers, as a real loop's turn does.
void MemoryNet::Step(MonotonicTime time) {
  const Excluded excluded;
  now_ = std::max(now_, time);
  for (size_t count = 0; !events_.empty() && events_.begin()->first.first <= now_; ++count) {
    MERIDIAN_CHECK(count < kMaxEventsPerInstant);
    const Event event = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    event();
  }
  for (size_t i = 0; i < loops_.size(); ++i) {
    const Included included;
    loops_[i]->wheel_.Advance(now_);
  }
}

void MemoryNet::RunUntil(MonotonicTime time) {
  for (MonotonicTime next = NextTime(); next <= time; next = NextTime()) Step(next);
  now_ = std::max(now_, time);
}

void MemoryNet::RunFor(Duration duration) {
  RunUntil(now_ + duration);
}

bool MemoryNet::RunUntil(const std::function<bool()>& condition, Duration bound) {
  const MonotonicTime end = now_ + bound;
  while (!condition()) {
    const MonotonicTime next = NextTime();
    if (next > end) {
      now_ = end;
      return false;
    }
    Step(next);
  }
  return true;
}

bool MemoryNet::RunUntilIdle(Duration bound) {
  const MonotonicTime end = now_ + bound;
  while (!events_.empty()) {
    const MonotonicTime next = NextTime();
    if (next > end) return false;
    Step(next);
  }
  return true;
}

void MemoryNet::Refuse(const net::Address& at) {
  faults_[at].refuse = true;
}

void MemoryNet::BlackHole(const net::Address& at) {
  faults_[at].black_hole = true;
}

void MemoryNet::Kill(const net::Address& at) {
  faults_[at].refuse = true;
  for (const auto& wire : WiresTo(at)) wire->Kill();
}

void MemoryNet::Heal(const net::Address& at) {
  faults_.erase(at);
  for (const auto& wire : WiresTo(at)) wire->Retransmit();
}

std::vector<std::shared_ptr<Wire>> MemoryNet::WiresTo(const net::Address& at) {
  std::vector<std::shared_ptr<Wire>> found;
  ForgetClosed();
  for (const auto& weak : wires_) {
    std::shared_ptr<Wire> wire = weak.lock();
    if (wire->server() == at) found.push_back(std::move(wire));
  }
  return found;
}

void MemoryNet::ForgetClosed() {
  std::erase_if(wires_, [](const auto& wire) { return wire.expired(); });
}

MemoryNet::Fault MemoryNet::FaultOf(const net::Address& at) const {
  const auto found = faults_.find(at);
  return found == faults_.end() ? Fault{} : found->second;
}

// The listeners of the very address before those of the wildcard; among several that share it, one
// by draw, as the kernel's hash would spread them.
MemoryListener* MemoryNet::FindListener(const net::Address& at) {
  std::vector<MemoryListener*> found;
  for (const bool wildcard : {false, true}) {
    for (const auto& [address, listener] : listeners_) {
      const bool fits = wildcard ? IsWildcard(address) && address.port() == at.port() &&
                                       address.ip().family() == at.ip().family()
                                 : address == at;
      if (fits) found.push_back(listener);
    }
    if (!found.empty()) break;
  }
  if (found.empty()) return nullptr;
  return found[Reduce(random_.Next(), static_cast<uint32_t>(found.size()))];
}

// As above; the same flow always comes to the same listener.
MemoryDatagramListener* MemoryNet::FindDatagramListener(const net::Address& at,
                                                        const net::Flow& flow) {
  const net::Address wildcard(
      at.ip().family() == net::Family::kIpv4 ? net::IpAddress::V4(0) : net::IpAddress::V6({}),
      at.port());
  for (const net::Address& address : {at, wildcard}) {
    auto [first, last] = datagram_listeners_.equal_range(address);
    const auto count = static_cast<uint32_t>(std::distance(first, last));
    if (count > 0) return std::next(first, Reduce(flow.Hash(0), count))->second;
  }
  return nullptr;
}

void MemoryNet::SendDatagram(Event arrive) {
  if (options_.datagram_loss > 0 && Unit(random_.Next()) < options_.datagram_loss) return;
  Duration latency = options_.latency;
  if (options_.datagram_jitter > Duration(0)) {
    latency += Duration(static_cast<int64_t>(
        Unit(random_.Next()) * static_cast<double>(options_.datagram_jitter.count())));
  }
  After(latency, std::move(arrive));
}

uint16_t MemoryNet::NextPort() {
  const uint16_t port = next_port_;
  next_port_ = port == kLastPort ? kFirstPort : static_cast<uint16_t>(port + 1);
  return port;
}

}  // namespace meridian::fakes
