// What is wrong with files that TLS was told to use: each line names the file, what is the matter,
// and what to do.
#pragma once

#include <string>
#include <vector>

namespace meridian::tls {

struct Problems {
  std::vector<std::string> errors;
  std::vector<std::string> warnings;  // it works, or will work for a while
};

}  // namespace meridian::tls
