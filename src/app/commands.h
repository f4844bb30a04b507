// The commands of the program: one table, one function each, in a file of its own. A function gets
// the arguments after its name and returns the exit status.
#pragma once

#include <meridian/config/config.h>

#include <optional>
#include <string>
#include <vector>

#include "command_line.h"

namespace meridian::app {

struct Command {
  std::string name;
  std::string summary;
  int (*run)(const Command& self, Arguments arguments);
};

const std::vector<Command>& Commands();

int RunCommand(const Command& self, Arguments arguments);
int DemoCommand(const Command& self, Arguments arguments);
int CheckCommand(const Command& self, Arguments arguments);
int ExplainCommand(const Command& self, Arguments arguments);
int WhatIfCommand(const Command& self, Arguments arguments);
int SimulateCommand(const Command& self, Arguments arguments);
int StatusCommand(const Command& self, Arguments arguments);
int SitesCommand(const Command& self, Arguments arguments);
int ServicesCommand(const Command& self, Arguments arguments);
int EventsCommand(const Command& self, Arguments arguments);
int DrainCommand(const Command& self, Arguments arguments);
int UndrainCommand(const Command& self, Arguments arguments);
int FailoverCommand(const Command& self, Arguments arguments);
int FailbackCommand(const Command& self, Arguments arguments);
int AcknowledgeCommand(const Command& self, Arguments arguments);
int ReleaseCommand(const Command& self, Arguments arguments);
int AutomationCommand(const Command& self, Arguments arguments);
int WaitCommand(const Command& self, Arguments arguments);
int ReloadCommand(const Command& self, Arguments arguments);
int StopCommand(const Command& self, Arguments arguments);

// The configuration of a command that only plays with it; empty after its diagnostics were printed.
std::optional<config::Config> LoadToPlay(const std::string& file);

// Tells a person, if there are any, what stands in for names (resolve::StandIn).
void NoteNames(size_t names);

// Finds the command that `arguments` begin with and runs it; --help, --version and faults too.
int Dispatch(Arguments arguments);

}  // namespace meridian::app
