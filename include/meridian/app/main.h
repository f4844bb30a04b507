// The program: what `int main` calls, so that tests can call it too. Main thread.
#pragma once

namespace meridian::app {

// Runs the command that the arguments name; argv[0] is not read. Returns the exit status: 0 done,
// 1 the thing asked for failed, 2 bad usage.
int Main(int argc, const char* const* argv);

}  // namespace meridian::app
