// The arguments of one command: declared by the command, parsed once, explained by --help. A thin
// layer over CLI11, which only command_line.cc sees. Used on the main thread; everything given to
// Flag, Option and Positional outlives Parse.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace meridian::app {

inline constexpr int kDone = 0, kFailed = 1, kUsage = 2;  // exit statuses

using Arguments = std::span<const std::string>;  // what follows the command's name

class CommandLine {
 public:
  // `name` and `summary` as in the table of commands; `examples` ends the help text.
  CommandLine(const std::string& name, const std::string& summary, const std::string& examples);
  ~CommandLine();

  enum class Need { kOptional, kRequired };

  void Flag(const std::string& names, bool& value, const std::string& text);
  // `metavariable` names the value in the help text. `value` keeps what it holds when the option is
  // not given.
  void Option(const std::string& names, std::string& value, const std::string& metavariable,
              const std::string& text, Need need = Need::kOptional);
  void Option(const std::string& names, std::vector<std::string>& values,
              const std::string& metavariable, const std::string& text);
  // One word, or (required) one and more.
  void Positional(const std::string& metavariable, std::string& word, const std::string& text,
                  Need need = Need::kRequired);
  void Positional(const std::string& metavariable, std::vector<std::string>& words,
                  const std::string& text);

  // Empty: go on. Else the exit status: after --help (text on standard output) or a fault (what is
  // wrong, on standard error).
  std::optional<int> Parse(Arguments arguments);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace meridian::app
