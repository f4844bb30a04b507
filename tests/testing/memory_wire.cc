// See memory_wire.h. Handlers are only called from events and timers, never from a stream's
// methods.
#include "testing/memory_wire.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "testing/allocations.h"
#include "testing/memory_listener.h"
#include "testing/memory_net.h"

namespace meridian::fakes {
namespace {

constexpr Duration kConnectTimeout = std::chrono::seconds(127);  // as Linux's six SYN retries
constexpr Duration kSynRetry = std::chrono::seconds(1);
constexpr Duration kFlushBound = std::chrono::seconds(30);
constexpr Duration kLingerBound = std::chrono::seconds(2);
constexpr Duration kRetransmitTimeout = std::chrono::milliseconds(200);

Error ConnectError(ErrorCode code, int number) {
  return {code, Side::kBackend, Retry::kSafe, number, "connect"};
}

}  // namespace

class MemoryStream final : public net::Stream {
 public:
  MemoryStream(MemoryNet& net, std::shared_ptr<Wire> wire, int side)
      : net_(net), wire_(std::move(wire)), side_(side) {
    ++net_.open_streams_;
  }
  ~MemoryStream() override {
    const Excluded excluded;
    --net_.open_streams_;
    wire_->Leave(side_);
  }
  void SetHandler(net::StreamHandler* handler) override { wire_->SetHandler(side_, handler); }
  void StartReading() override { wire_->SetReading(side_, true); }
  void StopReading() override { wire_->SetReading(side_, false); }
  void Write(std::span<const std::string_view> slices) override { wire_->Write(side_, slices); }
  size_t pending_bytes() const override { return wire_->pending_bytes(side_); }
  void FinishWriting() override { wire_->FinishWriting(side_); }
  void Reset() override { wire_->Reset(side_); }
  net::Address peer() const override { return wire_->address(1 - side_); }
  net::Address local() const override { return wire_->address(side_); }
  net::PathInfo path_info() const override { return wire_->path_info(side_); }

 private:
  MemoryNet& net_;
  std::shared_ptr<Wire> wire_;
  int side_;
};

Wire::Wire(MemoryNet& net, MemoryLoop& client, const net::Address& from, const net::Address& to)
    : net_(net), addresses_{from, to}, sides_{End(*this), End(*this)} {
  sides_[0].loop = &client;
}

net::StreamPtr Wire::MakeStream(int side) {
  return std::make_unique<MemoryStream>(net_, shared_from_this(), side);
}

// Packets.

void Wire::Send(int side, Event event) {
  const MonotonicTime due = net_.now_ + net_.options_.latency;
  sides_[side].packets.push_back({net_.now_, due, std::move(event)});
  net_.After(net_.options_.latency, [self = shared_from_this(), side] { self->Pump(side); });
}

void Wire::Pump(int side) {
  std::deque<Packet>& packets = sides_[side].packets;
  while (!packets.empty() && packets.front().due <= net_.now_) {
    if (net_.FaultOf(server()).black_hole) return;
    const Event event = std::move(packets.front().event);
    packets.pop_front();
    event();
  }
}

void Wire::Retransmit() {
  for (int side = 0; side < 2; ++side) {
    for (Packet& packet : sides_[side].packets) {
      packet.due = std::max(packet.due, net_.now_ + net_.options_.latency);
    }
    net_.After(net_.options_.latency, [self = shared_from_this(), side] { self->Pump(side); });
  }
}

net::PathInfo Wire::path_info(int side) const {
  net::PathInfo path;
  const End& end = sides_[side];
  path.round_trip = 2 * net_.options_.latency;
  path.unacknowledged_bytes = static_cast<uint32_t>(end.in_flight);
  if (end.in_flight == 0 || end.packets.empty()) return path;
  Duration age = net_.now_ - end.packets.front().sent;
  for (Duration wait = kRetransmitTimeout; age >= wait; wait *= 2) {
    age -= wait;
    ++path.retransmits;
  }
  return path;
}

// Opening.

void Wire::StartConnect(net::StreamHandler& handler) {
  sides_[0].handler = &handler;
  sides_[0].loop->Arm(sides_[0].timer, kConnectTimeout);
  Send(0, [this] { SynArrived(); });
}

void Wire::SynArrived() {
  if (sides_[0].gone) return;
  MemoryListener* listener = net_.FaultOf(server()).refuse ? nullptr : net_.FindListener(server());
  if (listener == nullptr) {
    Send(1, [this] {
      if (connecting_) Fail(0, ConnectError(ErrorCode::kRefused, ECONNREFUSED));
    });
    return;
  }
  if (!listener->Offer(shared_from_this())) {  // backlog full: SYN is dropped and sent again
    net_.After(kSynRetry, [self = shared_from_this()] { self->SynArrived(); });
    return;
  }
  Send(1, [this] { Established(); });
}

void Wire::Established() {
  End& client = sides_[0];
  if (!connecting_ || client.gone || client.dead) return;
  connecting_ = false;
  client.timer.Disarm();
  const bool had_pending = !client.unsent.empty();
  if (client.handler != nullptr) {
    const Included included;
    client.handler->OnConnected();
  }
  if (client.dead) return;
  DeliverLater(0);
  Push(0);
  if (!had_pending || !client.unsent.empty() || client.handler == nullptr) return;
  const Included included;
  client.handler->OnDrained();
}

// Sending.

void Wire::Write(int side, std::span<const std::string_view> slices) {
  const Excluded excluded;
  End& end = sides_[side];
  MERIDIAN_CHECK(slices.size() <= 64);
  if (end.dead || end.write_failed) return;
  MERIDIAN_CHECK(!end.finish_wanted);
  if (end.reset_arrived) {
    end.write_failed = true;
    return DeliverLater(side);
  }
  for (const std::string_view slice : slices) end.unsent.append(slice);
  if (!connecting_ || side == 1) Push(side);
}

// Moves what the window takes from unsent onto the wire, and FIN after the last of it.
void Wire::Push(int side) {
  End& end = sides_[side];
  if (end.dead || end.reset_arrived) return;
  const size_t taken = end.in_flight + sides_[Other(side)].arrived.size();
  const size_t room = net_.options_.capacity - std::min(net_.options_.capacity, taken);
  const size_t count = std::min(room, end.unsent.size());
  if (count > 0) {
    end.in_flight += count;
    Send(side,
         [this, side, bytes = end.unsent.substr(0, count)] { DataArrived(Other(side), bytes); });
    end.unsent.erase(0, count);
  }
  if (!end.unsent.empty() || !end.finish_wanted || end.finished) return;
  end.finished = true;
  if (end.gone) {
    end.timer.Disarm();
    end.linger_until = std::min(end.linger_until, net_.now_ + kLingerBound);
  }
  Send(side, [this, side] {
    sides_[Other(side)].end_arrived = true;
    DeliverLater(Other(side));
  });
}

void Wire::WindowOpened(int side) {
  End& end = sides_[side];
  const bool had_pending = !end.unsent.empty();
  Push(side);
  if (!had_pending || !end.unsent.empty() || end.dead || end.handler == nullptr) return;
  const Included included;
  end.handler->OnDrained();
}

void Wire::FinishWriting(int side) {
  const Excluded excluded;
  End& end = sides_[side];
  if (end.dead || end.finish_wanted) return;
  end.finish_wanted = true;
  if (!connecting_ || side == 1) Push(side);
}

// Arriving.

void Wire::DataArrived(int side, std::string_view bytes) {
  End& end = sides_[side];
  sides_[Other(side)].in_flight -= bytes.size();
  if (end.gone && net_.now_ < end.linger_until) return OpenWindowOf(Other(side));
  if (end.gone || end.dead) return Send(side, [this, side] { ResetArrived(Other(side)); });
  end.arrived.append(bytes);
  DeliverLater(side);
}

// The receiver took bytes; `side`, their sender, hears of it one latency later.
void Wire::OpenWindowOf(int side) {
  Send(Other(side), [this, side] { WindowOpened(side); });
}

void Wire::ResetArrived(int side) {
  End& end = sides_[side];
  if (connecting_ && side == 0) return Fail(0, ConnectError(ErrorCode::kReset, ECONNRESET));
  end.reset_arrived = true;
  end.write_failed |= !end.unsent.empty();
  end.unsent.clear();
  end.timer.Disarm();
  if (end.gone) end.dead = true;
  DeliverLater(side);
}

void Wire::SetHandler(int side, net::StreamHandler* handler) {
  const Excluded excluded;
  if (sides_[side].dead) return;
  sides_[side].handler = handler;
  DeliverLater(side);
}

void Wire::SetReading(int side, bool reading) {
  const Excluded excluded;
  sides_[side].reading = reading;
  if (reading) DeliverLater(side);
}

void Wire::DeliverLater(int side) {
  End& end = sides_[side];
  if (end.delivery_due || end.dead || end.handler == nullptr) return;
  end.delivery_due = true;
  net_.After(Duration(0), [self = shared_from_this(), side] { self->Deliver(side); });
}

// One thing at a time: bytes first, then a reset, then the end.
void Wire::Deliver(int side) {
  End& end = sides_[side];
  end.delivery_due = false;
  if (end.dead || end.handler == nullptr || (connecting_ && side == 0)) return;
  if (!end.arrived.empty() && end.reading) return DeliverBytes(side);
  if (end.write_failed || (end.reset_arrived && end.arrived.empty())) {
    const int number = end.write_failed ? EPIPE : ECONNRESET;
    const auto fault = side == 1 ? meridian::Side::kClient : meridian::Side::kBackend;
    return Fail(side, {ErrorCode::kReset, fault, Retry::kNever, number, "connection"});
  }
  if (!end.arrived.empty() || !end.end_arrived || end.end_told || !end.reading) return;
  end.end_told = true;
  const Included included;
  end.handler->OnEnd();
}

void Wire::DeliverBytes(int side) {
  End& end = sides_[side];
  const size_t most = std::min(end.arrived.size(), net_.options_.segment);
  const bool cuts = net_.options_.cuts_reads;
  const size_t count = cuts ? 1 + Reduce(net_.random_.Next(), static_cast<uint32_t>(most)) : most;
  const std::string bytes = end.arrived.substr(0, count);
  end.arrived.erase(0, count);
  OpenWindowOf(Other(side));
  {
    const Included included;
    end.handler->OnRead(bytes);
  }
  DeliverLater(side);
}

// Ending.

void Wire::Fail(int side, const Error& error) {
  End& end = sides_[side];
  if (end.dead) return;
  end.dead = true;
  end.unsent.clear();
  end.timer.Disarm();
  net::StreamHandler* handler = std::exchange(end.handler, nullptr);
  if (handler == nullptr) return;
  const Included included;
  handler->OnError(error);
}

void Wire::Abort(int side) {
  End& end = sides_[side];
  end.dead = true;
  end.handler = nullptr;
  end.unsent.clear();
  end.arrived.clear();
  end.timer.Disarm();
  Send(side, [this, side] { ResetArrived(Other(side)); });
}

void Wire::Reset(int side) {
  const Excluded excluded;
  if (!sides_[side].dead) Abort(side);
}

void Wire::Kill() {
  Send(1, [this] { ResetArrived(0); });
  net_.After(Duration(0), [self = shared_from_this()] {
    self->Fail(1,
               {ErrorCode::kReset, meridian::Side::kClient, Retry::kNever, ECONNRESET, "killed"});
  });
}

void Wire::Leave(int side) {
  End& end = sides_[side];
  end.gone = true;
  end.handler = nullptr;
  if (end.dead || end.reset_arrived) return;
  const bool flushing = !end.unsent.empty();
  const bool lingers = (flushing || !end.reading) && !end.end_told;
  // A close with bytes unread is a reset, as is one of a connect under way.
  if ((connecting_ && side == 0) || (!lingers && !end.arrived.empty())) return Abort(side);
  if (lingers) end.linger_until = net_.now_ + (flushing ? kFlushBound : kLingerBound);
  if (!std::exchange(end.arrived, {}).empty()) OpenWindowOf(Other(side));
  if (flushing) end.loop->Arm(end.timer, kFlushBound);
  end.finish_wanted = true;
  Push(side);
}

void Wire::OnTimer(net::Timer& timer) {
  const Excluded excluded;
  if (connecting_ && &timer == &sides_[0].timer) {
    return Fail(0, ConnectError(ErrorCode::kTimeout, ETIMEDOUT));
  }
  Abort(&timer == &sides_[0].timer ? 0 : 1);
}

}  // namespace meridian::fakes
