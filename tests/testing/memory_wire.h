// One connection of a MemoryNet: two ends, and the packets on their way between them.
//
// Each direction is a queue of packets that arrive one latency after they were sent, in order. A
// packet is an event to run at the other end: SYN, its answer, data, window, FIN, RST. A black hole
// holds the queues; healing sends them again. The client is side 0, the server side 1.
// Private to the fakes: tests see MemoryNet and net::Stream.
#pragma once

#include <meridian/net/loop.h>

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace meridian::fakes {

class MemoryLoop;
class MemoryNet;

class Wire final : public std::enable_shared_from_this<Wire>, private net::TimerHandler {
 public:
  // `to` is what the client asked for: faults go by it.
  Wire(MemoryNet& net, MemoryLoop& client, const net::Address& from, const net::Address& to);

  net::StreamPtr MakeStream(int side);
  void StartConnect(net::StreamHandler& handler);
  // The listener's loop takes the server's end over.
  void Accept(MemoryLoop& loop) { sides_[1].loop = &loop; }
  // The server's process is gone: its end dies at once, the client's when RST arrives.
  void Kill();
  // Sends again what a black hole swallowed.
  void Retransmit();
  const net::Address& server() const { return addresses_[1]; }

  // net::Stream's methods, for one side.
  void SetHandler(int side, net::StreamHandler* handler);
  void SetReading(int side, bool reading);
  void Write(int side, std::span<const std::string_view> slices);
  size_t pending_bytes(int side) const { return sides_[side].unsent.size(); }
  void FinishWriting(int side);
  void Reset(int side);
  void Leave(int side);
  const net::Address& address(int side) const { return addresses_[side]; }
  net::PathInfo path_info(int side) const;

 private:
  using Event = std::function<void()>;
  struct Packet {
    MonotonicTime sent;
    MonotonicTime due;
    Event event;
  };
  struct End {
    explicit End(net::TimerHandler& wire) : timer(wire) {}
    MemoryLoop* loop = nullptr;
    net::StreamHandler* handler = nullptr;
    bool reading = false;
    bool gone = false;  // its stream was destroyed
    bool dead = false;  // failed or reset: nothing more is told or sent
    bool finish_wanted = false;
    bool finished = false;  // FIN is sent
    bool end_arrived = false;
    bool end_told = false;
    bool reset_arrived = false;
    bool write_failed = false;  // written after the reset: told even while reading is off
    bool delivery_due = false;
    MonotonicTime linger_until{};  // gone, but still throws away what arrives
    std::string unsent;
    std::string arrived;
    size_t in_flight = 0;        // sent by this end, not yet arrived at the other
    std::deque<Packet> packets;  // sent by this end
    net::Timer timer;            // bounds a connect, and the sending of an end that is gone
  };

  static int Other(int side) { return 1 - side; }
  void Send(int side, Event event);
  void Pump(int side);
  void SynArrived();
  void Established();
  void Push(int side);
  void DataArrived(int side, std::string_view bytes);
  void WindowOpened(int side);
  void ResetArrived(int side);
  void OpenWindowOf(int side);
  void DeliverLater(int side);
  void Deliver(int side);
  void DeliverBytes(int side);
  void Fail(int side, const Error& error);
  void Abort(int side);
  void OnTimer(net::Timer& timer) override;

  MemoryNet& net_;
  std::array<net::Address, 2> addresses_;
  std::array<End, 2> sides_;
  bool connecting_ = true;
};

}  // namespace meridian::fakes
