// See command_line.h. CLI11 throws on faults and for --help; none of it leaves this file.
#include "command_line.h"

#include <meridian/base/text.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace meridian::app {
namespace {

// The first argument that looks like an option and is none, with the nearest one that is.
std::string DescribeUnknown(const CLI::App& app, const std::vector<std::string>& unknown) {
  const std::string& first = unknown.front();
  if (!first.starts_with("-")) return "unexpected argument '" + first + "'";
  const std::string word = first.substr(0, first.find('='));
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  const auto nearest = NearestName(word, views);
  return "unknown option '" + word + "'" +
         (nearest ? "; did you mean '" + std::string(*nearest) + "'?" : "");
}

}  // namespace

CommandLine::CommandLine(const std::string& name, const std::string& summary,
                         const std::string& examples)
    : app_(std::make_unique<CLI::App>(summary, "meridian " + name)) {
  app_->footer(examples);
  app_->set_help_flag("-h,--help", "this text");
  app_->get_formatter()->column_width(32);
  app_->allow_extras();
}

CommandLine::~CommandLine() = default;

void CommandLine::Flag(const std::string& names, bool& value, const std::string& text) {
  app_->add_flag(names, value, text);
}

void CommandLine::Option(const std::string& names, std::string& value,
                         const std::string& metavariable, const std::string& text, Need need) {
  CLI::Option* option = app_->add_option(names, value, text)->option_text(metavariable);
  if (need == Need::kRequired) option->required()->option_text(metavariable + " (required)");
}

void CommandLine::Option(const std::string& names, std::vector<std::string>& values,
                         const std::string& metavariable, const std::string& text) {
  app_->add_option(names, values, text)
      ->option_text(metavariable)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void CommandLine::Positional(const std::string& metavariable, std::string& word,
                             const std::string& text, Need need) {
  app_->add_option(metavariable, word, text)->option_text(" ")->required(need == Need::kRequired);
}

void CommandLine::Positional(const std::string& metavariable, std::vector<std::string>& words,
                             const std::string& text) {
  app_->add_option(metavariable, words, text)->option_text(" ")->required();
}

std::optional<int> CommandLine::Parse(Arguments arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  std::string fault;
  try {
    app_->parse(reversed);
    if (app_->remaining().empty()) return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    std::fputs(app_->help().c_str(), stdout);
    return kDone;
  } catch (const CLI::ParseError& error) {
    fault = error.what();
  }
  // A misspelt option explains more than the missing one it was meant to be.
  const std::vector<std::string> unknown = app_->remaining();
  if (!unknown.empty()) fault = DescribeUnknown(*app_, unknown);
  std::fprintf(stderr, "%s: %s\nSee '%s --help'.\n", app_->get_name().c_str(), fault.c_str(),
               app_->get_name().c_str());
  return kUsage;
}

}  // namespace meridian::app
