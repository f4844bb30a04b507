// See memory_listener.h.
#include "testing/memory_listener.h"

#include <algorithm>
#include <utility>

#include "testing/allocations.h"
#include "testing/memory_wire.h"

namespace meridian::fakes {

MemoryListener::MemoryListener(MemoryLoop& loop, MemoryNet& net, const net::Address& at,
                               const net::ListenOptions& options, net::AcceptHandler& handler)
    : loop_(loop),
      net_(net),
      address_(at),
      handler_(handler),
      backlog_(static_cast<size_t>(std::max(options.backlog, 1))),
      reuse_port_(options.reuse_port) {
  net_.listeners_.emplace(address_, this);
}

MemoryListener::~MemoryListener() {
  const Excluded excluded;
  *alive_ = false;
  std::erase_if(net_.listeners_, [this](const auto& entry) { return entry.second == this; });
  for (const auto& wire : waiting_) wire->Reset(1);
}

void MemoryListener::Resume() {
  const Excluded excluded;
  paused_ = false;
  for (size_t i = 0; i < waiting_.size(); ++i) AcceptLater();
}

bool MemoryListener::Offer(std::shared_ptr<Wire> wire) {
  if (waiting_.size() >= backlog_) return false;
  wire->Accept(loop_);
  waiting_.push_back(std::move(wire));
  AcceptLater();
  return true;
}

void MemoryListener::AcceptLater() {
  net_.After(Duration(0), [this, alive = alive_] {
    if (*alive) AcceptNext();
  });
}

void MemoryListener::AcceptNext() {
  if (paused_ || waiting_.empty()) return;
  const std::shared_ptr<Wire> wire = std::move(waiting_.front());
  waiting_.pop_front();
  net::StreamPtr stream = wire->MakeStream(1);
  const Included included;
  handler_.OnAccept(std::move(stream));
}

}  // namespace meridian::fakes
