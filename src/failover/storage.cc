// The order of the four steps, in the one place that knows it.
#include <meridian/failover/storage.h>

namespace meridian::failover {

SaveOutcome SaveDurably(Storage& storage, std::string_view bytes) {
  if (auto written = storage.WriteTemporary(bytes); !written) return {Saved::kNot, written.error()};
  if (auto synced = storage.SyncTemporary(); !synced) return {Saved::kNot, synced.error()};
  if (auto published = storage.Publish(); !published) return {Saved::kInDoubt, published.error()};
  if (auto synced = storage.SyncDirectory(); !synced) return {Saved::kInDoubt, synced.error()};
  return {};
}

}  // namespace meridian::failover
