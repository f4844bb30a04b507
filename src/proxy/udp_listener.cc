// See udp_listener.h.
#include "proxy/udp_listener.h"

#include <utility>

#include "proxy/client_limits.h"
#include "proxy/session_key.h"
#include "proxy/udp_session.h"

namespace meridian::proxy {
namespace {

constexpr size_t kMaxSpareTrials = 256;
constexpr size_t kMaxSpareBytes = 4096;  // of one's datagram

}  // namespace

UdpListener::UdpListener(Core& core, const Bounds& bounds, std::string key,
                         const net::Address& asked_at)
    : core_(core),
      bounds_(bounds),
      key_(std::move(key)),
      asked_at_(asked_at),
      table_(core.random.Next()),
      content_seed_(core.random.Next()) {}

UdpListener::~UdpListener() {
  MERIDIAN_CHECK(table_.size() == 0);
}

Result<> UdpListener::Open(const net::Address& at, const net::DatagramListenOptions& options) {
  auto opened = core_.loop.ListenDatagrams(at, options, *this);
  if (!opened) return tl::unexpected(opened.error());
  socket_ = std::move(*opened);
  socket_->Pause();
  return {};
}

void UdpListener::Adopt(ListenerState& listener) {
  const bool is_new = std::exchange(listener_, &listener) == nullptr;
  closing_ = wanted_ = false;
  const snapshot::Listener& config = *core_.Config(listener);
  session_ = core_.current.table().service(config.service).session;
  most_ = (config.config.limits.sessions + bounds_.workers - 1) / bounds_.workers;
  if (is_new) socket_->Resume();
}

void UdpListener::Close() {
  closing_ = true;
  if (done()) socket_.reset();
}

void UdpListener::Want(bool wanted) {
  wanted_ = wanted;
  if (done()) socket_.reset();
}

// Where content decides, each key has a session of its own, so that one client's calls may go to
// several servers.
uint64_t UdpListener::ContentOf(std::string_view bytes) const {
  const std::string_view key = DatagramKey(session_, bytes);
  return key.empty() ? 0 : Hash(key, content_seed_) | 1;
}

void UdpListener::OnDatagram(const net::Flow& flow, std::string_view bytes) {
  listener_->counters->datagrams_in.Add();
  const uint64_t content = ContentOf(bytes);
  const uint64_t hash = table_.HashOf(flow, content);
  if (FlowEntry* const found = table_.Find(flow, content, hash)) {
    return static_cast<UdpSession*>(found)->FromClient(bytes);
  }
  snapshot::ConnectionTable::Place place;
  if (!Admits(flow.peer, place)) return;
  listener_->counters->accepted.Add();
  listener_->counters->active.Add();
  ++core_.clients;
  ++listener_->clients;
  auto session = std::make_unique<UdpSession>(core_, *listener_, *this, std::move(place));
  session->flow = flow;
  session->content = content;
  session->hash = hash;
  table_.Insert(*session);
  core_.sessions.PushBack(*session);
  session.release()->Begin(bytes);  // in core_.sessions until it retires
}

// What costs least is asked first: a flood of strangers meets a full table.
bool UdpListener::Admits(const net::IpAddress& client, snapshot::ConnectionTable::Place& place) {
  const auto refuse = [this](DatagramDrop drop, Failure failure) {
    Drop(drop);
    listener_->counters->failures[static_cast<size_t>(failure)].Add();
    return false;
  };
  if (closing_ || core_.draining) {
    Drop(DatagramDrop::kRefused);
    return false;
  }
  if (table_.size() >= most_ || core_.clients >= bounds_.max_clients)
    return refuse(DatagramDrop::kTableFull, Failure::kOverloaded);
  const snapshot::Listener& listener = *core_.Config(*listener_);
  if (!listener.access.Admits(client)) return refuse(DatagramDrop::kRefused, Failure::kDenied);
  if (!WithinRate(core_, listener.config, client))
    return refuse(DatagramDrop::kRefused, Failure::kRateLimited);
  if (!EnterConnection(core_, listener.config, client, place))
    return refuse(DatagramDrop::kRefused, Failure::kTooManyConnections);
  return true;
}

void UdpListener::Answer(const net::Flow& flow, std::string_view bytes) {
  socket_->Answer(flow, bytes);
  listener_->counters->datagrams_out.Add();
  if (const size_t unsent = socket_->TakeUnsent(); unsent > 0) {
    Drop(DatagramDrop::kUnsent, unsent);
  }
}

void UdpListener::Forget(UdpSession& session) {
  table_.Remove(session);
  if (done()) socket_.reset();
}

std::unique_ptr<UdpTrial> UdpListener::TakeTrial() {
  if (spare_trials_.empty()) return std::make_unique<UdpTrial>();
  std::unique_ptr<UdpTrial> trial = std::move(spare_trials_.back());
  spare_trials_.pop_back();
  trial->walking = false;
  return trial;
}

void UdpListener::KeepTrial(std::unique_ptr<UdpTrial> trial) {
  const bool small = trial->datagram.capacity() <= kMaxSpareBytes;
  if (small && spare_trials_.size() < kMaxSpareTrials) spare_trials_.push_back(std::move(trial));
}

}  // namespace meridian::proxy
