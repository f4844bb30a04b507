// See live_call.h.
#include "live_call.h"

#include <meridian/base/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace meridian::app {
Live::Live() {
  const char* named = std::getenv("MERIDIAN_SOCKET");
  socket = named != nullptr && *named != '\0' ? named : "/run/meridian/admin.sock";
}

void Live::Declare(CommandLine& line) {
  line.Option("--socket", socket, "PATH",
              "admin socket of the instance (default: MERIDIAN_SOCKET)");
  line.Flag("--json", json, "the API's answer as it is");
}

std::string Author() {
  for (const char* name : {"SUDO_USER", "USER", "LOGNAME"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "cli";
}

std::string PercentEncode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += Format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

bool ColorOutput() {
  const char* off = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (off == nullptr || *off == '\0');
}

std::optional<std::string> Ask(const Live& live, std::string_view method, std::string_view target,
                               std::string_view body) {
  auto answer = admin::Call(live.socket, method, target, body);
  if (!answer) {
    PrintFault(live, answer.error());
  } else if (answer->status < 200 || answer->status > 299) {
    std::fprintf(stderr, "meridian: %s\n", admin::RenderError(answer->body).c_str());
  } else {
    return std::move(answer->body);
  }
  return std::nullopt;
}

int Show(const Live& live, std::string_view method, std::string_view target, std::string_view body,
         Render render) {
  auto answer = Ask(live, method, target, body);
  if (!answer) return kFailed;
  PrintText(live.json ? *answer : render(*answer, ColorOutput()));
  return kDone;
}

void PrintFault(const Live& live, const Error& error) {
  const bool nobody = error.code == ErrorCode::kNotFound || error.code == ErrorCode::kRefused;
  const std::string text =
      nobody ? Format(
                   "no meridian is listening on {} (is it running? --socket or MERIDIAN_SOCKET "
                   "names another)",
                   live.socket)
             : Format("{}: {}", live.socket, Describe(error));
  std::fprintf(stderr, "meridian: %s\n", text.c_str());
}

void PrintText(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  std::fputs(text.c_str(), stdout);
}

}  // namespace meridian::app
