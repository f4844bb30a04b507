// hooks, and which of them a service asks before one of its sites opens.
#include "config/build.h"

#include <meridian/base/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace meridian::config {
namespace {

constexpr const char* kActivation = "failover/activation";

// Why it cannot be run, as far as can be seen; empty: it can.
std::string WhyNotRunnable(const std::string& path) {
  struct stat status {};
  if (path.empty() || path.front() != '/') return "expected an absolute path";
  if (stat(path.c_str(), &status) != 0) return std::strerror(errno);
  if (!S_ISREG(status.st_mode)) return "is not a regular file";
  return access(path.c_str(), X_OK) == 0 ? "" : "is not executable by this user";
}

void ReadProgram(Build& build, const View& view, Hook& hook) {
  const View run = view["run"];
  for (const View& entry : run.Entries()) {
    if (hook.run.empty()) {
      if (const std::string why = WhyNotRunnable(entry.text()); !why.empty()) {
        build.Error(entry.place(), entry.path(), Format("{}: {}", Quote(entry.text()), why));
      }
    }
    hook.run.push_back(entry.text());
  }
}

// The service's own hook must be the only one that decides.
void Approve(Build& build, const View& view, const Hook& hook, topology::Service& service) {
  topology::DisasterRecovery& recovery = *service.disaster_recovery;
  if (!recovery.approval.empty()) {
    build.Error(view.at(), view.path() + ".gate",
                Format("{} is asked by hook {} already; expected one gate for each service",
                       service.name, Quote(recovery.approval)));
    return;
  }
  recovery.approval = hook.name;
  if (hook.timeout > recovery.switch_hold) {
    build.Warning(
        view.at(), view.path() + ".timeout",
        Format("{} is more than switch_hold of {}, {}: clients that wait for a planned "
               "switch are refused if the program takes longer than that",
               FormatDuration(hook.timeout), service.name, FormatDuration(recovery.switch_hold)));
  }
}

void ReadGate(Build& build, const View& view, const Hook& hook) {
  if (!hook.gate) return;
  const View gate = view["gate"];
  if (hook.on_event != std::vector<std::string>{kActivation}) {
    build.Error(gate.place(), gate.path(),
                Format("a gate answers one question; expected on_event: {}", kActivation));
    return;
  }
  bool is_used = false;
  for (topology::Service& service : build.config.topology.services) {
    if (!hook.service.empty() && service.name != hook.service) continue;
    if (!service.disaster_recovery) continue;
    is_used = true;
    Approve(build, view, hook, service);
  }
  if (!is_used) {
    build.Error(gate.place(), gate.path(),
                "no such service is in mode disaster-recovery: there is nothing to approve of");
  }
}

}  // namespace

void BuildHooks(Build& build) {
  for (const auto& [name, view] : build.root["hooks"].Named()) {
    Hook hook;
    hook.name = name;
    for (const View& entry : view["on_event"].Entries()) hook.on_event.push_back(entry.text());
    if (const View service = view["service"];
        service && build.Refers(service, build.services, "a service")) {
      hook.service = service.text();
    }
    ReadProgram(build, view, hook);
    Read(view, "gate", hook.gate);
    Read(view, "timeout", hook.timeout);
    Read(view, "queue", hook.queue);
    Read(view, "at_once", hook.at_once);
    ReadGate(build, view, hook);
    build.config.hooks.push_back(std::move(hook));
  }
  std::sort(build.config.hooks.begin(), build.config.hooks.end(),
            [](const Hook& a, const Hook& b) { return a.name < b.name; });
}

}  // namespace meridian::config
