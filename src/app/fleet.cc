// See fleet.h.
#include "fleet.h"

#include <meridian/base/format.h>
#include <meridian/net/random.h>

#include <algorithm>

namespace meridian::app {

// A Prepare on its way through the workers; touched by one thread at a time.
struct Fleet::Preparation {
  snapshot::SnapshotPtr next;
  proxy::Bound bound;
  std::function<void(Prepared)> done;
  size_t index = 0;  // of the worker whose turn it is
  std::string error;
};

Result<std::unique_ptr<Fleet>> Fleet::Create(const Input& input) {
  std::unique_ptr<Fleet> fleet(new Fleet(input));
  for (size_t i = 0; i < input.workers; ++i) {
    auto thread = LoopThread::Create();
    if (!thread) return tl::unexpected(thread.error());
    auto member = std::make_unique<Member>();
    member->thread = std::move(*thread);
    member->random = std::make_unique<net::Xoshiro>(net::SeedFromSystem());
    proxy::WorkerInput worker;
    worker.loop = &member->thread->loop();
    worker.random = member->random.get();
    worker.registry = input.registry;
    worker.metrics = input.metrics;
    worker.access = &input.access->queue(i);
    worker.index = i;
    worker.worker_count = input.workers;
    worker.max_connections = std::max<uint64_t>(input.max_connections / input.workers, 1);
    member->worker = std::make_unique<proxy::Worker>(worker);
    fleet->members_.push_back(std::move(member));
  }
  return fleet;
}

Fleet::~Fleet() {
  Stop();
}

Fleet::Prepared Fleet::PrepareFirst(const snapshot::SnapshotPtr& snapshot) {
  proxy::Bound bound;
  for (const auto& member : members_) {
    if (auto prepared = member->worker->Prepare(snapshot, bound); !prepared) {
      return tl::unexpected(prepared.error());
    }
  }
  return bound;
}

void Fleet::Start() {
  for (size_t i = 0; i < members_.size(); ++i) {
    Member& member = *members_[i];
    member.thread->Start(Format("worker-{}", i), [&member] { member.worker.reset(); });
  }
}

void Fleet::Stop() {
  for (const auto& member : members_) member->thread->Stop();
}

void Fleet::Prepare(snapshot::SnapshotPtr next, proxy::Bound bound,
                    std::function<void(Prepared)> done) {
  auto preparation = std::make_shared<Preparation>();
  preparation->next = std::move(next);
  preparation->bound = std::move(bound);
  preparation->done = std::move(done);
  PrepareNext(std::move(preparation));
}

void Fleet::PrepareNext(std::shared_ptr<Preparation> preparation) {
  if (preparation->index == members_.size() || !preparation->error.empty()) {
    return FinishPreparation(*preparation);
  }
  Member& member = *members_[preparation->index];
  member.thread->loop().Post([this, &member, preparation] {
    auto prepared = member.worker->Prepare(preparation->next, preparation->bound);
    if (prepared) {
      ++preparation->index;
    } else {
      preparation->error = prepared.error();
    }
    control_.Post([this, preparation] { PrepareNext(preparation); });
  });
}

// The worker that failed abandons too: it may have opened some of its listeners.
void Fleet::FinishPreparation(const Preparation& preparation) {
  if (preparation.error.empty()) return preparation.done(preparation.bound);
  for (size_t i = 0; i <= preparation.index; ++i) {
    Member& member = *members_[i];
    member.thread->loop().Post([&member] { member.worker->Abandon(); });
  }
  preparation.done(tl::unexpected(preparation.error));
}

void Fleet::OrderAll(std::function<void(proxy::Worker&)> order, std::function<void()> done) {
  auto left = std::make_shared<size_t>(members_.size());  // control thread
  for (const auto& each : members_) {
    Member& member = *each;
    member.thread->loop().Post([this, &member, order, done, left] {
      order(*member.worker);
      control_.Post([done, left] {
        if (--*left == 0 && done) done();
      });
    });
  }
}

void Fleet::Commit(std::function<void()> done) {
  OrderAll([](proxy::Worker& worker) { worker.Commit(); }, std::move(done));
}

void Fleet::Abandon() {
  OrderAll([](proxy::Worker& worker) { worker.Abandon(); }, nullptr);
}

void Fleet::Close() {
  OrderAll([](proxy::Worker& worker) { worker.Close(); }, nullptr);
}

void Fleet::Look(std::function<void()> done) {
  OrderAll([](proxy::Worker& worker) { worker.HealthChanged(); }, std::move(done));
}

void Fleet::LeaveSite(std::string service, std::string site) {
  OrderAll([service = std::move(service),
            site = std::move(site)](proxy::Worker& worker) { worker.LeaveSite(service, site); },
           nullptr);
}

void Fleet::Drain(std::function<void()> done) {
  auto left = std::make_shared<size_t>(members_.size());  // control thread
  for (const auto& each : members_) {
    Member& member = *each;
    member.thread->loop().Post([this, &member, done, left] {
      member.worker->Drain([this, done, left] {
        control_.Post([done, left] {
          if (--*left == 0) done();
        });
      });
    });
  }
}

void Fleet::HealthChanged() {
  for (const auto& each : members_) {
    Member& member = *each;
    if (member.health_pending.exchange(true)) continue;
    member.thread->loop().Post([&member] {
      member.health_pending.store(false);
      member.worker->HealthChanged();
    });
  }
}

}  // namespace meridian::app
