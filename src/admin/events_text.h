// Events as the API gives them: a JSON answer, or the text of a stream of server-sent events.
#pragma once

#include <meridian/admin/events.h>

#include <string>

namespace meridian::admin {

// {"last", "events": […]}: those after `after`, at most `limit` of them, the newest.
std::string EventsJson(const EventLog& log, uint64_t after, size_t limit);
// One event of a stream.
std::string EventText(const Event& event);
// Those after `after`; before them a "gap" where some are kept no more.
std::string EventsSince(const EventLog& log, uint64_t after);

}  // namespace meridian::admin
