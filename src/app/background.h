// A thread for work that would hold up the control thread.
#pragma once

#include <functional>
#include <thread>

namespace meridian::app {

// No signal goes to it: they are the control thread's. `name` is what the system shows, at most 15
// bytes; static. The owner joins it.
std::thread Background(const char* name, std::function<void()> work);

}  // namespace meridian::app
