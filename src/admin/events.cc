// The log of events, and its two forms: JSON, and a stream of server-sent events (HTML standard,
// section 9.2).
#include <meridian/admin/events.h>
#include <meridian/base/format.h>

#include <utility>

#include "admin/events_text.h"
#include "admin/json_value.h"

namespace meridian::admin {
namespace {

Json EventJson(const Event& event) {
  Json json = {{"id", event.id},
               {"time", FormatTime(event.at)},
               {"kind", event.kind},
               {"grave", event.grave}};
  if (!event.service.empty()) json["service"] = event.service;
  if (!event.site.empty()) json["site"] = event.site;
  if (!event.endpoint.empty()) json["endpoint"] = event.endpoint;
  if (!event.what.empty()) json["what"] = event.what;
  if (!event.from.empty()) json["from"] = event.from;
  if (!event.to.empty()) json["to"] = event.to;
  if (event.epoch != 0) json["epoch"] = event.epoch;
  if (!event.cause.empty()) json["cause"] = event.cause;
  if (!event.author.empty()) json["author"] = event.author;
  if (event.planned) json["planned"] = *event.planned;
  if (!event.to.empty()) {
    json["lag_seconds"] = event.lag ? Json(Seconds(*event.lag)) : Json();
    json["backlog_bytes"] = event.backlog_bytes ? Json(*event.backlog_bytes) : Json();
  }
  json["text"] = event.text;
  return json;
}

}  // namespace

EventLog::EventLog(WallTime start)
    : next_(static_cast<uint64_t>(start.time_since_epoch() / std::chrono::microseconds(1)) + 1) {}

std::string ToJson(const Event& event) {
  return Dump(EventJson(event));
}

const Event& EventLog::Add(WallTime now, Event event) {
  event.id = next_++;
  event.at = now;
  kept_.push_back(std::move(event));
  if (kept_.size() > kKept) kept_.pop_front();
  if (listener_ != nullptr) listener_->OnEvent(kept_.back());
  return kept_.back();
}

bool EventLog::Forgot(uint64_t id) const {
  return id < last() && (kept_.empty() || id + 1 < kept_.front().id);
}

std::string EventsJson(const EventLog& log, uint64_t after, size_t limit) {
  Json list = Json::array();
  size_t skip = 0;
  for (const Event& event : log.kept()) skip += event.id > after;
  skip = skip > limit ? skip - limit : 0;
  for (const Event& event : log.kept()) {
    if (event.id <= after) continue;
    if (skip > 0) {
      --skip;
    } else {
      list.push_back(EventJson(event));
    }
  }
  return Dump({{"last", log.last()}, {"events", std::move(list)}});
}

std::string EventText(const Event& event) {
  return Format("id: {}\nevent: {}\ndata: {}\n", event.id, event.kind, Dump(EventJson(event)));
}

std::string EventsSince(const EventLog& log, uint64_t after) {
  std::string text;
  if (log.Forgot(after)) {
    const uint64_t from = log.kept().empty() ? log.last() + 1 : log.kept().front().id;
    text += Format("event: gap\ndata: {}\n", Dump({{"after", after}, {"continues_at", from}}));
  }
  for (const Event& event : log.kept()) {
    if (event.id > after) text += EventText(event);
  }
  return text;
}

}  // namespace meridian::admin
