// UvLoop: the public face of Core.
#include <meridian/uvio/loop.h>

#include "uvio/child.h"
#include "uvio/core.h"
#include "uvio/datagrams.h"
#include "uvio/descriptor_watch.h"
#include "uvio/listener.h"
#include "uvio/socket.h"
#include "uvio/system_error.h"

namespace meridian::uvio {

Result<std::unique_ptr<UvLoop>> UvLoop::Create() {
  auto core = std::make_unique<Core>();
  if (const auto opened = core->Open(); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<UvLoop>(new UvLoop(std::move(core)));
}

UvLoop::UvLoop(std::unique_ptr<Core> core) : core_(std::move(core)) {}
UvLoop::~UvLoop() = default;

void UvLoop::Run() {
  core_->Run(UV_RUN_DEFAULT);
}
void UvLoop::RunTurn() {
  core_->Run(UV_RUN_ONCE);
}
void UvLoop::Stop() {
  core_->Stop();
}

Result<> UvLoop::WatchSignal(int signal, std::function<void()> handler) {
  return core_->WatchSignal(signal, std::move(handler));
}

MonotonicTime UvLoop::Now() const {
  return core_->Now();
}

WallTime UvLoop::WallNow() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

Result<net::StreamPtr> UvLoop::Connect(const net::Address& to, const net::ConnectOptions& options,
                                       net::StreamHandler& handler) {
  MERIDIAN_CHECK(to.ok());
  Socket& socket = core_->TakeSocket();
  if (const auto started = socket.Connect(to, options); !started) {
    socket.Close();
    return tl::unexpected(started.error());
  }
  net::StreamPtr stream = socket.MakeStream();
  stream->SetHandler(&handler);
  return stream;
}

Result<std::unique_ptr<net::Listener>> UvLoop::Listen(const net::Address& at,
                                                      const net::ListenOptions& options,
                                                      net::AcceptHandler& handler) {
  return SocketListener::Open(*core_, at, options, handler);
}

Result<std::unique_ptr<net::DatagramListener>> UvLoop::ListenDatagrams(
    const net::Address& at, const net::DatagramListenOptions& options,
    net::DatagramHandler& handler) {
  return UdpListener::Open(*core_, at, options, handler);
}

Result<std::unique_ptr<net::DatagramSocket>> UvLoop::ConnectDatagrams(
    const net::Address& to, net::DatagramHandler& handler) {
  return UdpSocket::Open(*core_, to, handler);
}

Result<std::unique_ptr<net::DescriptorWatch>> UvLoop::Watch(int descriptor, bool write,
                                                            net::DescriptorHandler& handler) {
  return PollWatch::Open(*core_, descriptor, write, handler);
}

Result<std::unique_ptr<net::Program>> UvLoop::StartProgram(const net::ProgramOptions& options,
                                                           net::ProgramHandler& handler) {
  return Child::Start(*core_, options, handler);
}

void UvLoop::Arm(net::Timer& timer, Duration delay) {
  core_->Arm(timer, delay);
}
void UvLoop::AtTurnEnd(net::TurnTask& task) {
  core_->AtTurnEnd(task);
}
void UvLoop::Post(std::function<void()> task) {
  core_->Post(std::move(task));
}
const LoopCounters& UvLoop::counters() const {
  return core_->counters();
}

}  // namespace meridian::uvio
