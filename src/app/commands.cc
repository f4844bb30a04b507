// The table of commands and the way into it.
#include "commands.h"

#include <meridian/app/main.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "version.h"

namespace meridian::app {
namespace {

// Commands of the interface contract that this version refuses by name.
constexpr std::array<std::string_view, 1> kNotYet{"sessions"};

int PrintHelp() {
  std::string text =
      "Meridian, a geo-aware load balancer.\n"
      "Usage: meridian COMMAND [OPTIONS]\n\n";
  for (const Command& command : Commands()) {
    text += Format("  {:<13}{}\n", command.name, command.summary);
  }
  text +=
      "\n'meridian COMMAND --help' tells more of each. 'meridian --version' prints the version.\n"
      "Every command takes --json. Those that talk to a running instance find it by --socket PATH\n"
      "or MERIDIAN_SOCKET (default /run/meridian/admin.sock).\n"
      "Exit status: 0 done, 1 what was asked for failed, 2 bad usage.\n"
      "\nNew here? 'meridian demo' shows it at work, 'meridian demo --tour' by itself.\n";
  std::fputs(text.c_str(), stdout);
  return kDone;
}

int RefuseUnknown(const std::string& word) {
  if (std::find(kNotYet.begin(), kNotYet.end(), word) != kNotYet.end()) {
    std::fprintf(stderr, "meridian: '%s' is not supported yet\n", word.c_str());
    return kUsage;
  }
  std::vector<std::string_view> names{"--version", "--help"};
  for (const Command& command : Commands()) names.push_back(command.name);
  const auto nearest = NearestName(word, names);
  const char* kind = word.starts_with("-") ? "option" : "command";
  std::string text = Format("meridian: unknown {} '{}'", kind, word);
  if (nearest) text += Format("; did you mean '{}'?", *nearest);
  std::fprintf(stderr, "%s\nSee 'meridian --help'.\n", text.c_str());
  return kUsage;
}

}  // namespace

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {
      {"run", "serve a configuration, in the foreground", RunCommand},
      {"demo", "three sites on this machine, ready to try", DemoCommand},
      {"check", "validate a configuration and tell what it would do", CheckCommand},
      {"explain", "where a client would go, and why", ExplainCommand},
      {"whatif", "who would go where if something failed", WhatIfCommand},
      {"simulate", "a scenario of load and failures, in virtual time", SimulateCommand},
      {"status", "the running instance at a glance", StatusCommand},
      {"sites", "its sites: state, sessions, endpoints", SitesCommand},
      {"services", "its services: mode, sites, state", ServicesCommand},
      {"events", "what has happened to it: states, moves, orders, reloads", EventsCommand},
      {"drain", "no new sessions for a region, site or site/endpoint", DrainCommand},
      {"undrain", "back into service", UndrainCommand},
      {"failover", "another site becomes active (disaster recovery)", FailoverCommand},
      {"failback", "the primary becomes active again", FailbackCommand},
      {"acknowledge", "an automatic move was looked at: its cooldown ends", AcknowledgeCommand},
      {"release", "what an operator chose may be moved by automation again", ReleaseCommand},
      {"automation", "the kill switch for automatic failover", AutomationCommand},
      {"wait", "until a condition holds, for scripts", WaitCommand},
      {"reload", "read the configuration again", ReloadCommand},
      {"stop", "drain and end the running instance", StopCommand},
  };
  return commands;
}

int Dispatch(Arguments arguments) {
  if (arguments.empty()) {
    PrintHelp();
    return kUsage;
  }
  const std::string& word = arguments.front();
  if (word == "--help" || word == "-h" || word == "help") {
    if (word != "help" || arguments.size() == 1) return PrintHelp();
    const std::array<std::string, 2> asked{arguments[1], "--help"};
    return Dispatch(asked);
  }
  if (word == "--version") {
    std::printf("meridian %s\n", kVersion);
    return kDone;
  }
  for (const Command& command : Commands()) {
    if (command.name == word) return command.run(command, arguments.subspan(1));
  }
  return RefuseUnknown(word);
}

int Main(int argc, const char* const* argv) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  return Dispatch(arguments);
}

}  // namespace meridian::app
