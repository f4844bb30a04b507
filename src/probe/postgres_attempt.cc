// See postgres_attempt.h. PostgreSQL's documentation: libpq, "Asynchronous Command Processing";
// pg_stat_wal_receiver, "Recovery Information Functions".
#include "probe/postgres_attempt.h"

#include <libpq-fe.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "probe/check.h"

namespace meridian::probe {
namespace {

constexpr uint64_t kMaxBytes = 1024 * 1024;  // for one question; an answer has some hundred
constexpr size_t kMaxDetailBytes = 200;

// Positions in the write-ahead log are bytes from its beginning. While the receiver streams,
// latest_end_lsn is where the sender's log ends. To a user without pg_monitor the receiver has a
// process and no columns: then nothing is known of it. What is not known is null, never zero.
constexpr const char* kQuery =
    "SELECT role, json_build_object('role', role, 'source_connected', streams,"
    " 'position', (CASE role WHEN 'primary' THEN pg_current_wal_lsn() ELSE received END)"
    " - '0/0'::pg_lsn,"
    " 'applied', applied - '0/0'::pg_lsn,"
    " 'backlog_bytes', CASE WHEN streams THEN greatest(sent, received) - applied END,"
    " 'lag_seconds', CASE WHEN streams IS NOT TRUE THEN NULL"
    " WHEN greatest(sent, received) <= applied THEN 0"
    " WHEN delay < 0 THEN 0 ELSE delay END) "
    "FROM (SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END AS role,"
    " pg_last_wal_replay_lsn() AS applied,"
    " greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) AS received,"
    " receiver.latest_end_lsn AS sent,"
    " extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) AS delay,"
    " CASE WHEN NOT pg_is_in_recovery() THEN NULL WHEN receiver.pid IS NULL THEN false"
    " ELSE receiver.status = 'streaming' END AS streams"
    " FROM (SELECT 1) AS one LEFT JOIN pg_stat_wal_receiver AS receiver ON true) AS seen";

struct Parameters {
  std::vector<const char*> names, values;

  void Add(const char* name, const std::string& value) {
    if (value.empty()) return;
    names.push_back(name);
    values.push_back(value.c_str());
  }
  void End() {
    names.push_back(nullptr);
    values.push_back(nullptr);
  }
};

// libpq names a Unix socket by its directory and the port in its name.
struct Place {
  std::string host, port;
};
Place SocketPlace(std::string_view path) {
  const size_t slash = path.rfind('/'), dot = path.rfind('.');
  if (slash == std::string_view::npos || dot == std::string_view::npos || dot < slash) return {};
  return {std::string(path.substr(0, slash)), std::string(path.substr(dot + 1))};
}

std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, std::min(text.find('\n'), kMaxDetailBytes)));
}

Answer AnswerOf(std::string_view message) {
  if (message.find("FATAL") != std::string_view::npos) return Answer::kFailed;
  if (message.find("refused") != std::string_view::npos) return Answer::kRefused;
  if (message.find("unreachable") != std::string_view::npos) return Answer::kUnreachable;
  if (message.find("SSL") != std::string_view::npos) return Answer::kTls;
  return message.find("password") != std::string_view::npos ? Answer::kFailed : Answer::kReset;
}

}  // namespace

void PostgresAttempt::Close::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

PostgresAttempt::PostgresAttempt(const CheckContext& context, AttemptOwner& owner)
    : context_(context), owner_(owner), told_timer_(*this) {}

Result<void> PostgresAttempt::Start(const net::Address& to, const Question& question) {
  if (context_.descriptors == nullptr) return Fail(ErrorCode::kUnsupported, "postgresql");
  to_ = &to;
  question_ = question;
  body_.clear();
  detail_.clear();
  reused_ = connection_ != nullptr;
  if (reused_) {
    Ask();
  } else {
    Connect();
  }
  return {};
}

void PostgresAttempt::Connect() {
  reused_ = false;
  state_ = State::kConnecting;
  received_before_ = 0;
  const topology::DatabaseLogin& login = question_.check->login;
  const std::string address = to_->is_unix() ? std::string() : to_->ip().ToString();
  const Place place =
      to_->is_unix() ? SocketPlace(to_->path()) : Place{address, std::to_string(to_->port())};
  Parameters parameters;
  parameters.Add("hostaddr", address);
  parameters.Add("port", place.port);
  parameters.Add("user", login.user);
  parameters.Add("dbname", login.database);
  parameters.Add("passfile", login.passfile);
  parameters.Add("application_name", "meridian-check");
  parameters.Add("gssencmode", "disable");  // Kerberos would block
  const auto& tls = question_.check->tls;
  const bool named = tls && !tls->server_name.empty();
  parameters.Add("host", named ? tls->server_name : place.host);
  parameters.Add("sslmode", !tls ? "prefer" : tls->verify ? "verify-full" : "require");
  if (tls) {
    parameters.Add("sslrootcert", tls->ca);
    parameters.Add("sslcert", tls->certificate);
    parameters.Add("sslkey", tls->key);
  }
  parameters.End();
  connection_.reset(PQconnectStartParams(parameters.names.data(), parameters.values.data(), 0));
  if (connection_ == nullptr) return Finish(Answer::kSelf);
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  if (PQstatus(connection_.get()) == CONNECTION_BAD) return Broken();
  Wait(true);
}

void PostgresAttempt::Cancel() {
  told_timer_.Disarm();
  watch_.reset();
  connection_.reset();
  state_ = State::kIdle;
}

void PostgresAttempt::OnReady() {
  watch_.reset();
  if (Received() > received_before_ + kMaxBytes) {  // libpq would take in any length
    connection_.reset();
    return Finish(Answer::kMalformed);
  }
  if (state_ == State::kConnecting) return GoOnConnecting();
  if (PQconsumeInput(connection_.get()) == 0) return Broken();
  GoOnAsking();
}

void PostgresAttempt::GoOnConnecting() {
  switch (PQconnectPoll(connection_.get())) {
    case PGRES_POLLING_READING:
      return Wait(false);
    case PGRES_POLLING_WRITING:
      return Wait(true);
    case PGRES_POLLING_OK:
      return Ask();
    default:
      return Broken();
  }
}

void PostgresAttempt::Ask() {
  state_ = State::kAsking;
  has_result_ = false;
  answer_ = Answer::kMalformed;
  received_before_ = Received();
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQsendQuery(connection_.get(), kQuery) == 0) {
    return Broken();
  }
  GoOnAsking();
}

void PostgresAttempt::GoOnAsking() {
  const int flushed = PQflush(connection_.get());
  if (flushed != 0) return flushed < 0 ? Broken() : Wait(true);
  while (PQisBusy(connection_.get()) == 0) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(connection_.get()),
                                                               PQclear);
    if (result == nullptr) {
      const bool is_dead = PQstatus(connection_.get()) == CONNECTION_BAD;
      return is_dead || (reused_ && body_.empty()) ? Broken() : Finish(answer_);
    }
    Take(*result);
  }
  Wait(false);
}

// The first of one query's results counts; there is no second.
void PostgresAttempt::Take(const pg_result& result) {
  if (has_result_) return;
  has_result_ = true;
  if (PQresultStatus(&result) != PGRES_TUPLES_OK || PQntuples(&result) != 1 ||
      PQnfields(&result) != 2) {
    answer_ = Answer::kFailed;
    detail_ = FirstLine(PQresultErrorMessage(&result));
    return;
  }
  const std::string_view role = PQgetvalue(&result, 0, 0);
  body_ = PQgetvalue(&result, 0, 1);
  const topology::DatabaseRole wanted = question_.check->role;
  const bool right = wanted == topology::DatabaseRole::kAny || role == topology::Name(wanted);
  answer_ = right ? Answer::kGood : Answer::kFailed;
  if (!right) detail_ = role;
}

// What has come over this connection so far; zero over a Unix socket, which is this machine's own.
uint64_t PostgresAttempt::Received() const {
  tcp_info info{};
  socklen_t length = sizeof info;
  const int failed = getsockopt(PQsocket(connection_.get()), IPPROTO_TCP, TCP_INFO, &info, &length);
  return failed != 0 ? 0 : info.tcpi_bytes_received;
}

void PostgresAttempt::Wait(bool write) {
  auto watch = context_.descriptors->Watch(PQsocket(connection_.get()), write, *this);
  if (watch) {
    watch_ = std::move(*watch);
    return;
  }
  connection_.reset();
  Finish(Answer::kSelf);
}

void PostgresAttempt::Broken() {
  const std::string message = detail_.empty() ? PQerrorMessage(connection_.get()) : detail_;
  connection_.reset();
  detail_.clear();
  if (reused_) return Connect();
  detail_ = FirstLine(message);
  Finish(AnswerOf(message));
}

void PostgresAttempt::Finish(Answer answer) {
  state_ = State::kTelling;
  answer_ = answer;
  context_.loop.Arm(told_timer_, Duration(0));
}

void PostgresAttempt::OnTimer(net::Timer&) {
  state_ = State::kIdle;
  owner_.OnAnswer(answer_);
}

}  // namespace meridian::probe
