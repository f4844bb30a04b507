// See process_usage.h.
#include "admin/process_usage.h"

#include <meridian/base/text.h>

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace meridian::admin {
namespace {

std::string Slurp(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The fields of /proc/self/stat after the command's name, which may hold anything: field 3 first.
std::vector<std::string> StatFields() {
  const std::string text = Slurp("/proc/self/stat");
  const size_t end = text.rfind(')');
  std::vector<std::string> fields;
  if (end == std::string::npos) return fields;
  std::istringstream rest(text.substr(end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

uint64_t BootTime() {
  std::istringstream text(Slurp("/proc/stat"));
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("btime ")) return ParseUnsigned(line.substr(6)).value_or(0);
  }
  return 0;
}

uint64_t OpenDescriptors() {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(directory)) count += entry->d_name[0] != '.' ? 1 : 0;
  ::closedir(directory);
  return count - 1;  // but for the one that reads
}

}  // namespace

ProcessUsage ProcessUsage::Read() {
  ProcessUsage usage;
  const std::vector<std::string> fields = StatFields();
  const auto field = [&](size_t number) {  // as proc(5) numbers them
    return number - 3 < fields.size() ? ParseUnsigned(fields[number - 3]).value_or(0) : 0;
  };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  usage.cpu_seconds = static_cast<double>(field(14) + field(15)) / ticks;
  usage.threads = field(20);
  usage.start_time_seconds =
      static_cast<double>(BootTime()) + static_cast<double>(field(22)) / ticks;
  usage.virtual_bytes = field(23);
  usage.resident_bytes = field(24) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  usage.open_descriptors = OpenDescriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_descriptors = limit.rlim_cur;
  return usage;
}

}  // namespace meridian::admin
