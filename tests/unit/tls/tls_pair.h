// What the tests of TLS streams share: a client's and a server's stream over the network in memory,
// peers that record what they are told, and two ends whose bytes the test itself carries.
#pragma once

#include <meridian/tls/stream.h>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testing/certificates.h"
#include "testing/memory_net.h"
#include "tls/client_state.h"
#include "tls/server_state.h"

namespace meridian::tls {

struct Recorder final : net::StreamHandler {
  void OnConnected() override {
    ++connected;
    if (on_connected) on_connected();
  }
  void OnRead(std::string_view bytes) override {
    received.append(bytes);
    if (on_read) on_read(bytes);
  }
  void OnEnd() override { ++ends; }
  void OnDrained() override { ++drains; }
  void OnError(const Error& what) override { error = what; }

  int connected = 0, ends = 0, drains = 0;
  std::string received;
  std::optional<Error> error;
  std::function<void()> on_connected;
  std::function<void(std::string_view)> on_read;
};

inline std::shared_ptr<const ServerContext> ServerOf(const ServerOptions& options) {
  Problems problems;
  auto context = ServerContext::Create(options, problems);
  for (const std::string& error : problems.errors) ADD_FAILURE() << error;
  return context;
}

inline std::shared_ptr<const ClientContext> ClientOf(const ClientOptions& options,
                                                     int max_version = 0) {
  Problems problems;
  auto context = ClientContext::Create(options, problems);
  for (const std::string& error : problems.errors) ADD_FAILURE() << error;
  if (context && max_version != 0) {
    SSL_CTX_set_max_proto_version(context->state().context.get(), max_version);
  }
  return context;
}

// One authority and one server's certificate for all tests of a program.
struct Shared {
  Shared() {
    fakes::CertificateSpec spec;
    spec.subject = "a.test";
    spec.names = {"a.test", "10.0.0.1"};
    server = folder.Issue("a", spec);
  }
  static const Shared& Get() {
    static const Shared shared;
    return shared;
  }
  ServerOptions Server() const {
    ServerOptions options;
    options.certificates = {{server.certificate, server.key, {}}};
    return options;
  }
  ClientOptions Client() const {
    ClientOptions options;
    options.server_name = "a.test";
    options.ca = folder.authority().certificate;
    return options;
  }

  mutable fakes::CertificateFolder folder;
  fakes::Issued server;
};

// Both ends on a MemoryNet.
class Pair final : private net::AcceptHandler {
 public:
  Pair(std::shared_ptr<const ServerContext> server_context,
       std::shared_ptr<const ClientContext> client_context,
       const fakes::MemoryNetOptions& options = {}, std::shared_ptr<SessionSlot> slot = nullptr)
      : net_(options),
        server_loop_(net_.AddLoop(*net::IpAddress::Parse("10.0.0.1"))),
        client_loop_(net_.AddLoop(*net::IpAddress::Parse("10.0.0.2"))),
        server_space_(server_loop_),
        client_space_(client_loop_),
        context_(std::move(server_context)) {
    const auto at = *net::Address::Parse("10.0.0.1:443");
    listener_ = std::move(*server_loop_.Listen(at, {}, *this));
    ConnectInput input;
    input.to = at;
    input.context = std::move(client_context);
    input.sessions = std::move(slot);
    client = std::move(*Connect(client_space_, client_loop_, input, client_told));
    client->StartReading();
  }
  ~Pair() {
    client.reset();
    server.reset();
    net_.RunFor(std::chrono::seconds(40));
    listener_.reset();
  }

  bool Until(const std::function<bool()>& condition) {
    return net_.RunUntil(condition, std::chrono::seconds(30));
  }
  // Whether both have shaken hands.
  bool Establish() {
    return Until([this] {
             return (client_told.connected > 0 && server_told.connected > 0) || client_told.error ||
                    server_told.error;
           }) &&
           !client_told.error && !server_told.error;
  }
  // Until nothing moves.
  void Settle() { net_.RunUntilIdle(std::chrono::seconds(5)); }
  fakes::MemoryNet& net() { return net_; }

 private:
  void OnAccept(net::StreamPtr stream) override {
    server = Accept(server_space_, context_, std::move(stream));
    server->SetHandler(&server_told);
    server->StartReading();
  }

  fakes::MemoryNet net_;
  fakes::MemoryLoop &server_loop_, &client_loop_;
  Workspace server_space_, client_space_;
  std::shared_ptr<const ServerContext> context_;
  std::unique_ptr<net::Listener> listener_;

 public:
  Recorder server_told, client_told;
  StreamPtr server, client;
};

inline std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 131 + (i >> 8));
  return bytes;
}

}  // namespace meridian::tls
