// One bound address of a udp listener: finds the session that a datagram belongs to, or decides
// whether it may begin one; what may not is dropped and counted. Nothing is kept of whom it does
// not admit.
//
// Sessions of all clients answer through its one socket, so it stays open, admitting nobody, until
// the last of them has gone: after its listener was removed, and while the worker drains.
// Owned by Worker; one thread.
#pragma once

#include <meridian/net/loop.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/core.h"
#include "proxy/flow_table.h"

namespace meridian::proxy {

class UdpSession;

// What a session needs only while something of its client's is unanswered.
struct UdpTrial {
  routing::Walk walk;
  std::string datagram;  // the last unanswered one; empty: none that could be sent again
  bool walking = false;  // `walk` chose the present backend, and may go on from it
};

class UdpListener final : private net::DatagramHandler {
 public:
  // Of this worker: its share of the listener's sessions is one of `workers`.
  struct Bounds {
    size_t workers = 1;
    uint64_t max_clients = UINT64_MAX;
  };
  UdpListener(Core& core, const Bounds& bounds, std::string key, const net::Address& asked_at);
  ~UdpListener();

  // Binds; paused until Adopt. Error: as of Loop::ListenDatagrams.
  Result<> Open(const net::Address& at, const net::DatagramListenOptions& options);
  const net::Address& address() const { return socket_->address(); }
  const std::string& key() const { return key_; }             // listener/index
  const net::Address& asked_at() const { return asked_at_; }  // as configured, port 0 included

  // The snapshot in force has it as `listener`, from now on or still.
  void Adopt(ListenerState& listener);
  // Admits nobody any more; its socket closes with its last session.
  void Close();
  // Whether a snapshot that is being prepared has it: then it stays until Adopt, or until told that
  // it does not.
  void Want(bool wanted);
  bool wanted() const { return wanted_; }
  bool done() const { return closing_ && !wanted_ && table_.size() == 0; }

  // For its sessions.
  void Answer(const net::Flow& flow, std::string_view bytes);
  void Drop(DatagramDrop why, size_t count = 1) {
    listener_->counters->drops[static_cast<size_t>(why)].Add(count);
  }
  void Forget(UdpSession& session);
  std::unique_ptr<UdpTrial> TakeTrial();
  void KeepTrial(std::unique_ptr<UdpTrial> trial);

 private:
  void OnDatagram(const net::Flow& flow, std::string_view bytes) override;
  void OnUnreachable(const Error&) override {}  // of connected sockets only
  uint64_t ContentOf(std::string_view bytes) const;
  bool Admits(const net::IpAddress& client, snapshot::ConnectionTable::Place& place);

  Core& core_;
  Bounds bounds_;
  std::string key_;
  net::Address asked_at_;
  ListenerState* listener_ = nullptr;
  std::unique_ptr<net::DatagramListener> socket_;
  topology::SessionPolicy session_;  // of the service, as last adopted
  size_t most_ = 0;                  // sessions
  FlowTable table_;
  uint64_t content_seed_;
  bool closing_ = false, wanted_ = false;
  std::vector<std::unique_ptr<UdpTrial>> spare_trials_;
};

}  // namespace meridian::proxy
