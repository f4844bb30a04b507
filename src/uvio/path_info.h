// What TCP knows of a connection's path.
#pragma once

#include <meridian/net/loop.h>

namespace meridian::uvio {

// `fd` is a TCP socket. Zeros where the kernel does not say.
net::PathInfo ReadPathInfo(int fd);

}  // namespace meridian::uvio
