// Questions to DNS by c-ares, on a loop: the hosts file first, then the servers of the policy or of
// /etc/resolv.conf, over UDP and, where an answer is cut, TCP. Names are complete: the system's
// search list is not used. Reads /etc/resolv.conf and /etc/nsswitch.conf when it is made, the hosts
// file at each question; never waits for the network.
//
// Thread: its loop's. Lifetime: loop, descriptors and handler outlive it; destroyed, it tells
// nothing more.
#pragma once

#include <meridian/net/descriptor.h>
#include <meridian/net/loop.h>
#include <meridian/resolve/answer.h>
#include <meridian/topology/names.h>

#include <memory>

namespace meridian::resolve {

class Resolver {
 public:
  // Error: out of memory, or a system configuration that cannot be read.
  static Result<std::unique_ptr<Resolver>> Create(net::Loop& loop, net::Descriptors& descriptors,
                                                  const topology::ResolverPolicy& policy,
                                                  AnswerHandler& handler);
  ~Resolver();

  // The handler hears once, later.
  void Ask(const Question& question);

 private:
  class Channel;
  explicit Resolver(std::unique_ptr<Channel> channel);
  std::unique_ptr<Channel> channel_;
};

}  // namespace meridian::resolve
