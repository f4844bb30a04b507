// Talking to a running instance from a command: where its socket is, the call, and what to print of
// the answer. Main thread; blocks.
#pragma once

#include <meridian/admin/client.h>

#include <optional>
#include <string>
#include <string_view>

#include "command_line.h"

namespace meridian::app {

// --socket and --json, which every such command has.
struct Live {
  std::string socket;  // MERIDIAN_SOCKET, else the default
  bool json = false;

  Live();
  void Declare(CommandLine& line);
};

// Who asks, for the record: the user, or "cli".
std::string Author();

// RFC 3986 percent-encoding of one query value or path segment.
std::string PercentEncode(std::string_view text);

// Whether people read what goes to standard output, and in colour (NO_COLOR turns that off).
bool ColorOutput();

// The answer's body if its status is 2xx. Else what is wrong has been printed on standard error.
std::optional<std::string> Ask(const Live& live, std::string_view method, std::string_view target,
                               std::string_view body = {});

// Ask, then print: the body itself with --json, else what `render` makes of it. Exit status.
using Render = std::string (*)(std::string_view json, bool color);
int Show(const Live& live, std::string_view method, std::string_view target, std::string_view body,
         Render render);

// Why the instance could not be asked, on standard error.
void PrintFault(const Live& live, const Error& error);

// With a line end, unless there is one.
void PrintText(std::string text);

}  // namespace meridian::app
