// A program that runs beside us, by uv_spawn. Its handles outlive the Program that the owner holds,
// because libuv lets go of them only a turn after it was told to; until then they own themselves.
// Loop's thread.
//
//   running ── exits ──► ending (outputs still open) ── both end, or kOutputGrace ──► told
#pragma once

#include <meridian/net/program.h>
#include <meridian/net/timer.h>

#include <memory>
#include <string>

#include "uvio/core.h"

namespace meridian::uvio {

class Child final : public net::Program {
 public:
  static Result<std::unique_ptr<net::Program>> Start(Core& core, const net::ProgramOptions& options,
                                                     net::ProgramHandler& handler);
  ~Child() override;
  void Signal(int signal) override;

 private:
  struct Handles;
  Child(Core& core, Handles& handles);

  Core& core_;
  Handles* handles_;
};

}  // namespace meridian::uvio
