// A server and a client of UDP on a MemoryNet, for tests of what stands between them.
#pragma once

#include <meridian/net/loop.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testing/world.h"

namespace meridian::fakes {

// Answers each datagram with its name, a colon and what it got, unless it is silent.
class UdpServer final : private net::DatagramHandler {
 public:
  UdpServer(MemoryNet& net, std::string_view at, std::string name) : name_(std::move(name)) {
    const net::Address address = At(at);
    listener_ = std::move(*net.AddLoop(address.ip()).ListenDatagrams(address, {}, *this));
  }

  bool silent = false;
  std::vector<std::string> received;
  std::vector<net::Flow> flows;

  // To whoever sent the `index`-th datagram.
  void Say(size_t index, std::string_view bytes) { listener_->Answer(flows[index], bytes); }

 private:
  void OnDatagram(const net::Flow& flow, std::string_view bytes) override {
    received.emplace_back(bytes);
    flows.push_back(flow);
    if (!silent) listener_->Answer(flow, name_ + ":" + std::string(bytes));
  }
  void OnUnreachable(const Error&) override {}

  std::string name_;
  std::unique_ptr<net::DatagramListener> listener_;
};

class UdpClient final : private net::DatagramHandler {
 public:
  UdpClient(MemoryNet& net, std::string_view host, std::string_view to)
      : net_(net), socket_(std::move(*net.AddLoop(Ip(host)).ConnectDatagrams(At(to), *this))) {}

  void Send(std::string_view bytes) {
    if (!socket_->Send(bytes)) ADD_FAILURE() << "not sent";
  }
  // What came back while nothing else moved; "" for nothing.
  std::string Ask(std::string_view bytes) {
    received.clear();
    Send(bytes);
    net_.RunUntilIdle(std::chrono::seconds(5));
    return received.empty() ? "" : received.back();
  }

  std::vector<std::string> received;
  std::vector<Error> errors;

 private:
  void OnDatagram(const net::Flow&, std::string_view bytes) override {
    received.emplace_back(bytes);
  }
  void OnUnreachable(const Error& error) override { errors.push_back(error); }

  MemoryNet& net_;
  std::unique_ptr<net::DatagramSocket> socket_;
};

}  // namespace meridian::fakes
