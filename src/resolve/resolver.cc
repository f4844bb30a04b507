// See meridian/resolve/resolver.h. c-ares says by its socket callback which of its sockets it waits
// for; each has a watch on the loop as long as it does.
#include <ares.h>
#include <meridian/resolve/resolver.h>
#include <netdb.h>

#include <algorithm>
#include <map>

#include "resolve/service_message.h"

namespace meridian::resolve {
namespace {

constexpr int kInternet = 1, kServiceType = 33;

Outcome OutcomeOf(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return Outcome::kFound;
    case ARES_ENODATA:
      return Outcome::kEmpty;
    case ARES_ENOTFOUND:
      return Outcome::kNoName;
    case ARES_ETIMEOUT:
      return Outcome::kTimeout;
    default:
      return Outcome::kFailed;
  }
}

bool GivenUp(int status) {
  return status == ARES_EDESTRUCTION || status == ARES_ECANCELLED;
}

Answer AddressesOf(const ares_addrinfo& found) {
  Answer answer;
  int ttl = INT32_MAX;
  for (const ares_addrinfo_node* node = found.nodes; node != nullptr; node = node->ai_next) {
    answer.addresses.push_back(net::Address::FromSockaddr(node->ai_addr).ip());
    ttl = std::min(ttl, node->ai_ttl);
  }
  for (const ares_addrinfo_cname* name = found.cnames; name != nullptr; name = name->next) {
    ttl = std::min(ttl, name->ttl);
  }
  answer.outcome = answer.addresses.empty() ? Outcome::kEmpty : Outcome::kFound;
  answer.ttl = std::chrono::seconds(std::max(ttl, 0));
  return answer;
}

}  // namespace

class Resolver::Channel final : private net::TimerHandler {
 public:
  Channel(net::Loop& loop, net::Descriptors& descriptors, AnswerHandler& handler)
      : loop_(loop), descriptors_(descriptors), handler_(handler), timer_(*this) {}
  ~Channel() {
    if (ares_ != nullptr) ares_destroy(ares_);
  }

  Result<> Open(const topology::ResolverPolicy& policy);
  void Ask(const Question& question);

 private:
  struct Socket final : net::DescriptorHandler {
    Socket(Channel& owner, int of) : channel(owner), descriptor(of) {}
    // It may be gone before this returns.
    void OnReady() override { channel.Process(descriptor); }

    Channel& channel;
    int descriptor;
    bool write = false;
    std::unique_ptr<net::DescriptorWatch> watch;
  };
  struct Pending {
    Channel& channel;
    Question question;
  };

  static void OnSocket(void* self, ares_socket_t descriptor, int readable, int writable);
  static void OnAddresses(void* pending, int status, int timeouts, ares_addrinfo* found);
  static void OnMessage(void* pending, int status, int timeouts, unsigned char* bytes, int size);
  void Process(int descriptor);
  void Watch(Socket& socket);
  void ArmTimer();
  void Tell(const Question& question, Answer answer);
  void OnTimer(net::Timer& timer) override;

  net::Loop& loop_;
  net::Descriptors& descriptors_;
  AnswerHandler& handler_;
  net::Timer timer_;
  std::map<int, Socket> sockets_;
  ares_channel ares_ = nullptr;  // ends before the sockets, which it tells of
  bool asking_ = false;
  std::vector<std::pair<Question, Answer>> early_;  // from inside of Ask
};

Result<> Resolver::Channel::Open(const topology::ResolverPolicy& policy) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  if (library != ARES_SUCCESS) return Fail(ErrorCode::kIo, "c-ares", library);
  ares_options options{};
  options.timeout = static_cast<int>(policy.timeout / std::chrono::milliseconds(1));
  options.tries = static_cast<int>(policy.attempts);
  options.sock_state_cb = &Channel::OnSocket;
  options.sock_state_cb_data = this;
  options.ndomains = 0;
  const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_DOMAINS;
  if (const int status = ares_init_options(&ares_, &options, mask); status != ARES_SUCCESS) {
    ares_ = nullptr;
    return Fail(status == ARES_ENOMEM ? ErrorCode::kOverloaded : ErrorCode::kInvalid,
                "the system's resolver configuration");
  }
  if (policy.servers.empty()) return {};
  std::string servers;
  for (const std::string& server : policy.servers) {
    servers += (servers.empty() ? "" : ",") + server;
  }
  if (ares_set_servers_ports_csv(ares_, servers.c_str()) == ARES_SUCCESS) return {};
  return Fail(ErrorCode::kInvalid, "resolver.servers");
}

// c-ares may answer at once, from the hosts file or when it cannot send.
void Resolver::Channel::Ask(const Question& question) {
  auto* pending = new Pending{*this, question};
  asking_ = true;
  if (question.type == Type::kSrv) {
    ares_query(ares_, question.name.c_str(), kInternet, kServiceType, &Channel::OnMessage, pending);
  } else {
    ares_addrinfo_hints hints{};
    hints.ai_family = question.type == Type::kA ? AF_INET : AF_INET6;
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(ares_, question.name.c_str(), nullptr, &hints, &Channel::OnAddresses, pending);
  }
  asking_ = false;
  ArmTimer();
}

void Resolver::Channel::OnAddresses(void* pending, int status, int, ares_addrinfo* found) {
  const std::unique_ptr<Pending> asked(static_cast<Pending*>(pending));
  Answer answer;
  answer.outcome = OutcomeOf(status);
  if (found != nullptr) {
    if (status == ARES_SUCCESS) answer = AddressesOf(*found);
    ares_freeaddrinfo(found);
  }
  if (!GivenUp(status)) asked->channel.Tell(asked->question, std::move(answer));
}

void Resolver::Channel::OnMessage(void* pending, int status, int, unsigned char* bytes, int size) {
  const std::unique_ptr<Pending> asked(static_cast<Pending*>(pending));
  if (GivenUp(status)) return;
  Answer answer;
  answer.outcome = OutcomeOf(status);
  if (status == ARES_SUCCESS) answer = ReadServices({bytes, static_cast<size_t>(size)});
  asked->channel.Tell(asked->question, std::move(answer));
}

void Resolver::Channel::Tell(const Question& question, Answer answer) {
  if (!asking_) return handler_.OnAnswer(question, std::move(answer));
  early_.emplace_back(question, std::move(answer));
}

// Told by c-ares whenever what it waits for changes, before it closes a socket too.
void Resolver::Channel::OnSocket(void* self, ares_socket_t descriptor, int readable, int writable) {
  Channel& channel = *static_cast<Channel*>(self);
  if (!readable && !writable) {
    channel.sockets_.erase(descriptor);
    return;
  }
  Socket& socket = channel.sockets_.try_emplace(descriptor, channel, descriptor).first->second;
  if (socket.write != (writable != 0)) socket.watch.reset();
  socket.write = writable != 0;
  channel.Watch(socket);
}

// One that cannot be watched ends by its time.
void Resolver::Channel::Watch(Socket& socket) {
  if (socket.watch != nullptr) return;
  auto watch = descriptors_.Watch(socket.descriptor, socket.write, socket);
  if (watch) socket.watch = std::move(*watch);
}

// Reading and writing are both tried: what is not ready says so.
void Resolver::Channel::Process(int descriptor) {
  if (const auto at = sockets_.find(descriptor); at != sockets_.end()) at->second.watch.reset();
  ares_process_fd(ares_, descriptor, descriptor);
  if (const auto at = sockets_.find(descriptor); at != sockets_.end()) Watch(at->second);
  ArmTimer();
}

void Resolver::Channel::OnTimer(net::Timer&) {
  for (auto& [question, answer] : std::exchange(early_, {})) {
    handler_.OnAnswer(question, std::move(answer));
  }
  ares_process_fd(ares_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  ArmTimer();
}

void Resolver::Channel::ArmTimer() {
  timer_.Disarm();
  timeval wait{};
  if (!early_.empty()) {
    loop_.Arm(timer_, Duration(0));
  } else if (ares_timeout(ares_, nullptr, &wait) != nullptr) {
    loop_.Arm(timer_, std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec));
  }
}

Resolver::Resolver(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}
Resolver::~Resolver() = default;

Result<std::unique_ptr<Resolver>> Resolver::Create(net::Loop& loop, net::Descriptors& descriptors,
                                                   const topology::ResolverPolicy& policy,
                                                   AnswerHandler& handler) {
  auto channel = std::make_unique<Channel>(loop, descriptors, handler);
  if (auto opened = channel->Open(policy); !opened) return tl::unexpected(opened.error());
  return std::unique_ptr<Resolver>(new Resolver(std::move(channel)));
}

void Resolver::Ask(const Question& question) {
  channel_->Ask(question);
}

}  // namespace meridian::resolve
