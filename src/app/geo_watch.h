// Keeps the geo databases of a running configuration up to date: looks at their files, and when one
// has changed and then stayed the same for one look more, opens all of them anew on a thread of its
// own, so that control goes on meanwhile. What was opened is offered; what cannot be read, or is
// doubtful beside the one that runs (geo::DoubtAbout), is refused: said once, counted, and left
// alone until the file changes again. Owned by the Engine; control thread.
//
//   quiet ── a file differs from the one that runs ──► settling ── the same at the next look ──►
//     ▲                                                 opening ──► offered │ refused
//     └──────────────────────────────────────────────────────────────┴──────┘
#pragma once

#include <meridian/base/metrics.h>
#include <meridian/net/loop.h>
#include <meridian/snapshot/snapshot.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace meridian::app {

// Why the databases of `next` should not take the place of those that run, each naming its file.
std::vector<std::string> DoubtsAbout(const geo::Locator& next, const geo::Locator& running);
// Whether `running`, made of `before`, would come out the same if it were opened by `geo` now.
bool IsUnchanged(const geo::Locator& running, const config::Geo& geo, const config::Geo& before);

class GeoWatch final : private net::TimerHandler {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(1);

  // Says, once, why what was offered was not taken; empty: it was.
  using Done = std::function<void(const std::string& refusal)>;
  // A Locator to take the place of the running one, made of this `geo`.
  using Offer =
      std::function<void(const config::Geo& geo, std::shared_ptr<const geo::Locator>, Done done)>;

  GeoWatch(net::Loop& loop, Offer offer) : loop_(loop), offer_(std::move(offer)), timer_(*this) {}
  ~GeoWatch();

  // What runs from now on.
  void Adopt(const snapshot::SnapshotPtr& running);
  void Collect(MetricSink& sink) const;

 private:
  using Stamps = std::map<std::string, geo::FileStamp>;  // by path

  struct Opened {
    config::Geo geo;
    std::shared_ptr<const geo::Locator> locator;
    std::vector<std::string> errors;
  };

  void OnTimer(net::Timer& timer) override;
  Stamps Look() const;
  void Open();
  void Judge(Opened opened);
  void Refuse(const std::string& why);

  net::Loop& loop_;
  Offer offer_;
  net::Timer timer_;
  snapshot::SnapshotPtr running_;
  Stamps loaded_;    // of the files that run
  Stamps settling_;  // as last seen, while it differs from those
  Stamps opening_;   // as it was when they were opened
  Stamps refused_;   // as they were when last refused
  std::thread opener_;
  bool busy_ = false;  // from Open until taken or refused
  uint64_t accepted_ = 0, refusals_ = 0;
};

}  // namespace meridian::app
