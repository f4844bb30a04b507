// See live_whatif.h.
#include "live_whatif.h"

#include <meridian/base/format.h>

#include <algorithm>
#include <utility>

#include "background.h"
#include "json_text.h"
#include "simulate_json.h"
#include "whatif_question.h"

namespace meridian::app {
namespace {

// Beside what was asked: each endpoint that takes nothing new.
void AddDown(const routing::Table& table, std::vector<std::string>& down) {
  for (const routing::Endpoint& endpoint : table.endpoints()) {
    if (endpoint.health->takes_new()) continue;
    std::string name = table.site(endpoint.site).name + "/" + endpoint.address_text;
    if (std::find(down.begin(), down.end(), name) == down.end()) down.push_back(std::move(name));
  }
}

admin::WhatIfResult Answered(const simulate::Answer& answer) {
  if (!answer.report) {
    std::string text;
    for (const std::string& error : answer.errors) text += (text.empty() ? "" : "; ") + error;
    return {500, std::move(text)};
  }
  std::string json = ToJson(*answer.report);
  json.pop_back();  // its last brace
  json += Format(",\"text\":{}}}", JsonQuote(simulate::Describe(*answer.report, false)));
  return {200, std::move(json)};
}

}  // namespace

LiveWhatIf::~LiveWhatIf() {
  if (thread_.joinable()) thread_.join();
}

void LiveWhatIf::Ask(const snapshot::SnapshotPtr& snapshot, const admin::WhatIfRequest& request,
                     uint64_t sessions, admin::WhatIfDone done) {
  if (busy_) return done({429, "another whatif is being answered: ask again in a moment"});
  auto question = QuestionOf(request, snapshot->config);
  if (!question) return done({400, question.error()});
  AddDown(*snapshot->table, question->down);
  if (!question->sessions && sessions > 0) question->sessions = sessions;
  if (thread_.joinable()) thread_.join();
  busy_ = true;
  thread_ = Background("whatif", [this, snapshot, question = std::move(*question),
                                  done = std::move(done)]() mutable {
    admin::WhatIfResult result = Answered(simulate::WhatIf(snapshot->config, question));
    loop_.Post([this, result = std::move(result), done = std::move(done)]() mutable {
      busy_ = false;
      done(std::move(result));
    });
  });
}

}  // namespace meridian::app
