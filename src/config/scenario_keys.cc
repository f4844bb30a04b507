// The table of a scenario's keys; what scenario.h calls a field.
#include "config/scenario_keys.h"

namespace meridian::config {
namespace {

constexpr double kMillisecond = 1e6, kHour = 3.6e12;

using enum Type;

constexpr Key kScenarioKeys[] = {
    Key{"", kMap, "A scenario."},
    Key{"duration", kDuration, "How long it plays."}.In(kMillisecond, 1000 * kHour).With(kRequired),

    Key{"load", kList, "Who comes."},
    Key{"load[]", kMap, "Sessions from one place."},
    Key{"load[].service", kName, "What they ask for."}.With(kRequired),
    Key{"load[].clients", kPrefix, "Their addresses, which the configuration locates."},
    Key{"load[].latitude", kNumber, "Degrees north, instead of `clients`."}.In(-90, 90),
    Key{"load[].longitude", kNumber, "Degrees east."}.In(-180, 180),
    Key{"load[].country", kCountry, "ISO 3166-1 alpha-2 code."},
    Key{"load[].continent", kWord, "Continent code.", "", "AF AN AS EU NA OC SA"}.Called(
        "a continent code"),
    Key{"load[].name", kText, "What to call them."},
    Key{"load[].rate", kNumber, "New sessions a second."}.In(0, 1e6).With(kRequired),
    Key{"load[].session", kDuration, "How long each lasts."}
        .In(kMillisecond, 24 * kHour)
        .With(kRequired),
    Key{"load[].reads", kShare, "Share of the sessions that only read.", "0%"}.In(0, 1),

    Key{"steps", kList, "What happens."},
    Key{"steps[]", kMap, "What happens at one time."},
    Key{"steps[].at", kDuration, "When, from the start."}.With(kRequired),
    Key{"steps[].down", kList, "What stops to answer."},
    Key{"steps[].down[]", kText, "A region, site or site/endpoint."},
    Key{"steps[].up", kList, "What answers again."},
    Key{"steps[].up[]", kText, "A region, site or site/endpoint."},
    Key{"steps[].partition", kList, "Two ends that do not reach one another any more."}.With(
        kNonEmpty),
    Key{"steps[].partition[]", kName, "A site, or meridian."},
    Key{"steps[].heal", kList, "Two ends that do again."}.With(kNonEmpty),
    Key{"steps[].heal[]", kName, "A site, or meridian."},
    Key{"steps[].lag", kNames, "Replication lag from now on, by site."},
    Key{"steps[].lag.*", kDuration, "How far it is behind."},
    Key{"steps[].lag_growth", kNames, "Growth of the replication lag, by site."},
    Key{"steps[].lag_growth.*", kNumber, "Seconds a second."}.In(-1000, 1000),
    Key{"steps[].drain", kList, "What takes no new sessions."},
    Key{"steps[].drain[]", kText, "A region, site or site/endpoint."},
    Key{"steps[].deadline", kDuration, "When the drain ends what is left."},
    Key{"steps[].undrain", kList, "What takes new sessions again."},
    Key{"steps[].undrain[]", kText, "A region, site or site/endpoint."},
    Key{"steps[].rate", kNumber, "Times the rates of `load`, from now on."}.In(0, 1000),
    Key{"steps[].failover", kMap, "An operator orders it."},
    Key{"steps[].failover.service", kName, "Whose."}.With(kRequired),
    Key{"steps[].failover.to", kName, "Where to."},
    Key{"steps[].failover.force", kBool, "Past a closed gate."},
    Key{"steps[].failback", kName, "An operator orders it for this service."},
    Key{"steps[].acknowledge", kName, "An operator has seen this service's last move."},
    Key{"steps[].automation", kText, "on or off, and maybe a service: off billing."},
    Key{"steps[].expect", kList, "What should hold now."},
    Key{"steps[].expect[]", kMap, "One thing that should."},
    Key{"steps[].expect[].service", kName, "Of this service."},
    Key{"steps[].expect[].site", kName, "Of this site."},
    Key{"steps[].expect[].active", kName, "The active site."},
    Key{"steps[].expect[].state", kText, "The service's state, or the site's."},
    Key{"steps[].expect[].epoch", kText, "A number, or a range: 2-3."},
    Key{"steps[].expect[].sessions", kText, "A number, or a range: 100-200."},
    Key{"steps[].expect[].share", kText, "Of the sessions: 45%-55%."},
    Key{"steps[].expect[].peak", kText, "Of the capacity, since the start: 0%-100%."},
    Key{"steps[].expect[].refused", kText, "Tries, since the start."},
    Key{"steps[].expect[].lost", kText, "Sessions, since the start."},
    Key{"steps[].expect[].at_risk", kText, "Writes, by the last move: 0s-5s."},
};

}  // namespace

const Spec& ScenarioSpec() {
  static const Spec root = MakeTree(kScenarioKeys);
  return root;
}

}  // namespace meridian::config
