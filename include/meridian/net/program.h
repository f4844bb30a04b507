// Running a program: its input given, its output kept up to a bound, its end told. Apart from Loop,
// as Descriptors is: few need it, and only loops over a real system have programs to run.
#pragma once

#include <meridian/base/result.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace meridian::net {

struct ProgramOptions {
  std::vector<std::string> arguments;         // the first is the program's absolute path
  std::vector<std::string> environment = {};  // NAME=value; it gets no other
  std::string input = {};                     // on standard input, which then ends
  size_t kept_bytes = 4096;                   // of each output: the last
};

struct ProgramEnd {
  int status = 0;  // as it exited
  int signal = 0;  // that ended it; 0: it exited
  std::string output, errors;
};

class ProgramHandler {
 public:
  // Once, from the loop. The Program may be destroyed here.
  virtual void OnEnd(const ProgramEnd& end) = 0;

 protected:
  ~ProgramHandler() = default;
};

// One that runs, in a session and process group of its own, in the directory "/". Destroying it
// before its end kills the group.
class Program {
 public:
  virtual ~Program() = default;
  // To the whole group; nothing happens if it is gone.
  virtual void Signal(int signal) = 0;
};

class Programs {
 public:
  // Loop's thread. The end is told when the program has ended and its outputs too, or a moment
  // later if somebody that it started holds them open. Error: it cannot be started.
  virtual Result<std::unique_ptr<Program>> StartProgram(const ProgramOptions& options,
                                                        ProgramHandler& handler) = 0;

 protected:
  ~Programs() = default;
};

}  // namespace meridian::net
