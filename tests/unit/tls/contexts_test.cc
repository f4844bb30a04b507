// What a listener's and a service's files lead to: certificates by name, client certificates, ALPN,
// tickets over contexts and keys, staples, verification; and what is said of files that are wrong.
#include "unit/tls/tls_pair.h"

namespace meridian::tls {
namespace {

using fakes::CertificateFolder;
using fakes::CertificateSpec;
using fakes::Issued;

CertificateSpec Named(const std::string& subject, std::vector<std::string> names,
                      bool rsa = false) {
  CertificateSpec spec;
  spec.subject = subject;
  spec.names = std::move(names);
  spec.rsa = rsa;
  return spec;
}

CertificateFiles FilesOf(const Issued& issued, const std::string& ocsp = {}) {
  return {issued.certificate, issued.key, ocsp};
}

// The common name of the certificate that a client is shown which asks for `name`, and whether its
// key is RSA.
struct Shown {
  std::string subject;
  bool rsa = false;
  std::string staple;
};

// OpenSSL's view of a server, by a client of its own: two BIOs, no network.
Shown Show(const ServerContext& server, const std::string& name, const char* signatures = nullptr) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (signatures != nullptr) SSL_CTX_set1_sigalgs_list(context.get(), signatures);
  const SslPtr client(SSL_new(context.get())), end(SSL_new(server.state().default_context()));
  BIO *one = nullptr, *other = nullptr;
  BIO_new_bio_pair(&one, 0, &other, 0);
  SSL_set_bio(client.get(), one, one);
  SSL_set_bio(end.get(), other, other);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(end.get());
  SSL_set_tlsext_status_type(client.get(), TLSEXT_STATUSTYPE_ocsp);
  if (!name.empty()) SSL_set_tlsext_host_name(client.get(), name.c_str());
  for (int turn = 0; turn < 20 && SSL_do_handshake(client.get()) != 1; ++turn) {
    SSL_do_handshake(end.get());
  }
  Shown shown;
  const X509* certificate = SSL_get0_peer_certificate(client.get());
  if (certificate == nullptr) return shown;
  char text[100] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof text);
  shown.subject = text;
  shown.rsa = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) == EVP_PKEY_RSA;
  const unsigned char* staple = nullptr;
  const long bytes = SSL_get_tlsext_status_ocsp_resp(client.get(), &staple);
  if (bytes > 0) {
    shown.staple.assign(reinterpret_cast<const char*>(staple), static_cast<size_t>(bytes));
  }
  ERR_clear_error();
  return shown;
}

TEST(ServerContext, ChoosesByNameExactBeforeWildcardBeforeDefault) {
  CertificateFolder folder;
  ServerOptions options;
  options.certificates = {
      FilesOf(folder.Issue("default", Named("default", {"default.test"}))),
      FilesOf(folder.Issue("wild", Named("wild", {"*.example.test", "example.test"}))),
      FilesOf(folder.Issue("exact", Named("exact", {"www.example.test"}))),
      FilesOf(folder.Issue("late", Named("late", {"example.test"})))};
  const auto server = ServerOf(options);
  EXPECT_EQ(Show(*server, "").subject, "default");
  EXPECT_EQ(Show(*server, "unknown.test").subject, "default");
  EXPECT_EQ(Show(*server, "www.example.test").subject, "exact");
  EXPECT_EQ(Show(*server, "WWW.Example.TEST").subject, "exact");
  EXPECT_EQ(Show(*server, "api.example.test").subject, "wild");
  EXPECT_EQ(Show(*server, "example.test").subject, "wild");
  EXPECT_EQ(Show(*server, "a.b.example.test").subject, "default");
}

TEST(ServerContext, KeysOfTwoKindsStandSideBySide) {
  CertificateFolder folder;
  ServerOptions options;
  options.certificates = {FilesOf(folder.Issue("rsa", Named("rsa", {"a.test"}, true))),
                          FilesOf(folder.Issue("ec", Named("ec", {"a.test"}))),
                          FilesOf(folder.Issue("other", Named("other", {"b.test"})))};
  const auto server = ServerOf(options);
  for (const char* name : {"a.test", ""}) {
    EXPECT_EQ(Show(*server, name, "ECDSA+SHA256").subject, "ec") << name;
    EXPECT_EQ(Show(*server, name, "RSA-PSS+SHA256").subject, "rsa") << name;
  }
  EXPECT_EQ(Show(*server, "b.test", "ECDSA+SHA256").subject, "other");
}

TEST(ServerContext, StaplesTheResponseOfTheCertificateThatIsShown) {
  CertificateFolder folder;
  const Issued first = folder.Issue("first", Named("first", {"a.test"}));
  const Issued second = folder.Issue("second", Named("second", {"b.test"}));
  const std::string staple = folder.Staple("first.der", first);
  ServerOptions options;
  options.certificates = {FilesOf(first, staple), FilesOf(second)};
  const auto server = ServerOf(options);
  EXPECT_EQ(Show(*server, "a.test").staple, CertificateFolder::ReadAll(staple));
  EXPECT_EQ(Show(*server, "b.test").staple, "");
}

Problems ProblemsOf(const ServerOptions& options, bool made) {
  Problems problems;
  EXPECT_EQ(ServerContext::Create(options, problems) != nullptr, made);
  EXPECT_EQ(problems.errors.empty(), made);
  return problems;
}

ServerOptions With(const std::string& certificate, const std::string& key,
                   const std::string& ocsp = {}) {
  ServerOptions options;
  options.certificates = {{certificate, key, ocsp}};
  return options;
}

TEST(ServerContext, SaysWhatIsWrongWithWhichFile) {
  CertificateFolder folder;
  const Issued a = folder.Issue("a", Named("a", {"a.test"}));
  const Issued b = folder.Issue("b", Named("b", {"b.test"}));
  const auto error = [](const ServerOptions& options) {
    const Problems problems = ProblemsOf(options, false);
    return problems.errors.empty() ? "" : problems.errors.front();
  };
  EXPECT_EQ(error(With(a.certificate, b.key)), b.key + ": does not match the certificate in " +
                                                   a.certificate +
                                                   "; expected the key that it was made for");
  EXPECT_EQ(error(With("/nowhere.pem", a.key)),
            "/nowhere.pem: cannot be read (No such file or directory)");
  EXPECT_EQ(error(With(a.certificate, "/nowhere.key")),
            "/nowhere.key: cannot be read (No such file or directory)");
  EXPECT_EQ(error(With(a.key, a.key)),
            a.key +
                ": holds no certificate (no start line); expected certificates in PEM form, "
                "the server's own first");
  EXPECT_EQ(error(With(a.certificate, a.certificate)),
            a.certificate + ": holds no private key (unsupported); expected one in PEM form");
  const std::string broken = folder.Write("broken.pem",
                                          "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                          "-----END CERTIFICATE-----\n");
  EXPECT_NE(error(With(broken, a.key)).find(broken + ": holds no certificate ("),
            std::string::npos);
  const std::string secret =
      folder.Write("secret.key",
                   "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE "
                   "KEY-----\n");
  EXPECT_EQ(error(With(a.certificate, secret)),
            secret + ": the key has a passphrase; expected one without");
}

TEST(ServerContext, WhatIsNeverUsedIsWarnedOf) {
  CertificateFolder folder;
  const Issued a = folder.Issue("a", Named("a", {"a.test"}));
  const Issued again = folder.Issue("again", Named("a", {"a.test"}));
  CertificateSpec other_kind = Named("a", {"a.test"});
  other_kind.rsa = true;
  const Issued rsa = folder.Issue("rsa", other_kind);
  ServerOptions options = With(a.certificate, a.key);
  options.certificates.push_back({rsa.certificate, rsa.key, {}});
  EXPECT_TRUE(ProblemsOf(options, true).warnings.empty());
  options.certificates.push_back({again.certificate, again.key, {}});
  EXPECT_EQ(ProblemsOf(options, true).warnings,
            std::vector<std::string>{again.certificate +
                                     ": is never used: others with a key of the same kind come "
                                     "first for its names"});
}

TEST(ServerContext, AChainMustBeInOrder) {
  CertificateFolder folder;
  CertificateSpec intermediate = Named("intermediate", {});
  intermediate.authority = true;
  const Issued middle = folder.Issue("middle", intermediate);
  const Issued leaf = folder.Issue("leaf", Named("leaf", {"a.test"}), &middle);
  ProblemsOf(With(leaf.certificate, leaf.key), true);
  const std::string own = CertificateFolder::ReadAll(leaf.certificate);
  const size_t second = own.find("-----BEGIN", 10);
  const std::string turned = folder.Write("turned.pem", own.substr(second) + own.substr(0, second));
  EXPECT_EQ(
      ProblemsOf(With(turned, leaf.key), false).errors.front(),
      turned + ": the certificate of the key is number 2; expected it first, then each issuer");
  const std::string stranger =
      folder.Write("stranger.pem", own.substr(0, second) +
                                       CertificateFolder::ReadAll(folder.authority().certificate));
  EXPECT_EQ(ProblemsOf(With(stranger, leaf.key), false).errors.front(),
            stranger +
                ": certificate 2 is not the issuer of the one before it; expected the "
                "server's own, then each issuer in order");
}

TEST(ServerContext, DatesAreWarnedOf) {
  CertificateFolder folder;
  const auto warning = [&](long from, long until) {
    CertificateSpec spec = Named("a", {"a.test"});
    spec.from_seconds = from;
    spec.until_seconds = until;
    const Issued issued = folder.Issue("dated", spec);
    const Problems problems = ProblemsOf(With(issued.certificate, issued.key), true);
    return problems.warnings.empty() ? "" : problems.warnings.front();
  };
  EXPECT_EQ(warning(-100, 90 * 86400), "");
  EXPECT_NE(warning(-1000, -500).find("has expired on "), std::string::npos);
  EXPECT_NE(warning(-1000, 86400).find("expires on "), std::string::npos);
  EXPECT_NE(warning(1000, 90 * 86400).find("is not valid before "), std::string::npos);
}

TEST(ServerContext, StaplesAreJudged) {
  CertificateFolder folder;
  const Issued a = folder.Issue("a", Named("a", {"a.test"}));
  const Issued b = folder.Issue("b", Named("b", {"b.test"}));
  const std::string of_b = folder.Staple("b.der", b);
  EXPECT_EQ(ProblemsOf(With(a.certificate, a.key, of_b), false).errors.front(),
            of_b + ": is about another certificate");
  EXPECT_NE(ProblemsOf(With(a.certificate, a.key, a.key), false)
                .errors.front()
                .find("holds no successful OCSP response"),
            std::string::npos);
  const std::string old = folder.Staple("old.der", a, true, -3600);
  EXPECT_EQ(ProblemsOf(With(a.certificate, a.key, old), true).warnings.front(),
            old + ": is out of date; it is not stapled until a newer one is loaded");
  const std::string revoked = folder.Staple("revoked.der", a, false);
  EXPECT_EQ(ProblemsOf(With(a.certificate, a.key, revoked), true).warnings.front(),
            revoked + ": says that the certificate is revoked; it is not stapled");
}

TEST(TicketKeys, AFileIsJudgedByItsLines) {
  CertificateFolder folder;
  const auto error = [&](std::string_view text) {
    Problems problems;
    const std::string path = folder.Write("tickets", text);
    EXPECT_FALSE(TicketKeys::FromFile(path, problems));
    return problems.errors.front().substr(path.size());
  };
  EXPECT_EQ(error(""), ": holds no key; expected one secret a line");
  EXPECT_EQ(error("\n\nshort\n"),
            ": line 3 has less than 32 characters; expected a secret, such as from `openssl rand "
            "-base64 48`");
  std::string many;
  for (int i = 0; i < 17; ++i) many += std::string(40, static_cast<char>('a' + i)) + "\n";
  EXPECT_EQ(error(many), ": more than 16 keys");
}

TEST(TicketKeys, EphemeralOnesAreAcceptedForTwoLives) {
  constexpr int64_t kStart = 1'700'000'000, kLife = TicketKeys::kLifeS;
  const TicketKeys keys = TicketKeys::Ephemeral();
  const TicketKeys copy = keys;
  const auto name = keys.first().name;
  keys.Renew(kStart);
  keys.Renew(kStart + kLife - 1);
  EXPECT_EQ(keys.first().name, name);
  keys.Renew(kStart + kLife);
  EXPECT_NE(keys.first().name, name);
  EXPECT_EQ(copy.first().name, keys.first().name);
  ASSERT_NE(keys.Find(name.data()), nullptr);
  EXPECT_EQ(keys.Find(name.data())->name, name);
  keys.Renew(kStart + 2 * kLife);
  EXPECT_EQ(keys.Find(name.data()), nullptr);
  for (int64_t life = 3; life < 12; ++life) {
    const auto before = keys.first().name;
    keys.Renew(kStart + life * kLife);
    EXPECT_NE(keys.first().name, before);
    EXPECT_NE(keys.Find(before.data()), nullptr);
  }
}

TEST(TicketKeys, AfterALongSilenceNoEphemeralOneIsAccepted) {
  const TicketKeys keys = TicketKeys::Ephemeral();
  const auto name = keys.first().name;
  keys.Renew(1'700'000'000);
  keys.Renew(1'700'000'000 + 2 * TicketKeys::kLifeS);
  EXPECT_EQ(keys.Find(name.data()), nullptr);
  EXPECT_NE(keys.first().name, name);
}

TEST(TicketKeys, ThoseOfAFileStay) {
  CertificateFolder folder;
  Problems problems;
  const auto keys = TicketKeys::FromFile(folder.Write("t", std::string(40, 'a') + "\n"), problems);
  ASSERT_TRUE(keys);
  const auto name = keys->first().name;
  keys->Renew(1);
  keys->Renew(1 + 9 * TicketKeys::kLifeS);
  EXPECT_EQ(keys->first().name, name);
}

std::string KeyOf(char letter) {
  std::string line(41, letter);
  line.back() = '\n';
  return line;
}

struct Tickets : ::testing::TestWithParam<int> {
  std::shared_ptr<const ServerContext> With(const std::string& keys) {
    Problems problems;
    ServerOptions options = shared.Server();
    options.tickets = TicketKeys::FromFile(folder.Write("keys", keys), problems);
    EXPECT_TRUE(options.tickets);
    return ServerOf(options);
  }
  bool Resumes(const std::shared_ptr<const ServerContext>& server) {
    Pair pair(server, client, {}, slot);
    EXPECT_TRUE(pair.Establish());
    pair.server->Write("x");  // after the tickets
    pair.Until([&] { return pair.client_told.received == "x"; });
    EXPECT_EQ(pair.client->resumed(), pair.server->resumed());
    return pair.server->resumed();
  }

  const Shared& shared = Shared::Get();
  CertificateFolder folder;
  std::shared_ptr<const ClientContext> client = ClientOf(shared.Client(), GetParam());
  std::shared_ptr<SessionSlot> slot = std::make_shared<SessionSlot>();
  const std::string one = KeyOf('1'), two = KeyOf('2');
};
INSTANTIATE_TEST_SUITE_P(Versions, Tickets, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(Tickets, ResumeOverContextsThatShareTheKeys) {
  EXPECT_FALSE(Resumes(With(one)));
  EXPECT_FALSE(slot->empty());
  EXPECT_TRUE(Resumes(With(one)));
  EXPECT_TRUE(Resumes(With(one)));
}

TEST_P(Tickets, AnOldKeyIsAcceptedAndTheNewOneIsGiven) {
  EXPECT_FALSE(Resumes(With(one)));
  EXPECT_TRUE(Resumes(With(two + one)));
  EXPECT_TRUE(Resumes(With(two)));
}

TEST_P(Tickets, AnUnknownKeyMeansAFullHandshake) {
  EXPECT_FALSE(Resumes(With(one)));
  EXPECT_FALSE(Resumes(With(two)));
  EXPECT_TRUE(Resumes(With(two)));
}

TEST_P(Tickets, WithoutAFileEachContextHasItsOwn) {
  const auto server = ServerOf(shared.Server());
  EXPECT_FALSE(Resumes(server));
  EXPECT_TRUE(Resumes(server));
  EXPECT_FALSE(Resumes(ServerOf(shared.Server())));
}

TEST_P(Tickets, ASessionWithoutClientCertificateIsNotResumedWhereOneIsAskedFor) {
  EXPECT_FALSE(Resumes(With(one)));
  Problems problems;
  ServerOptions options = shared.Server();
  options.client_ca = shared.folder.authority().certificate;
  options.tickets = TicketKeys::FromFile(folder.Path("keys"), problems);
  Pair pair(ServerOf(options), client, {}, slot);
  pair.Until([&] { return pair.server_told.error.has_value(); });
  EXPECT_EQ(pair.server_told.connected, 0);
}

struct ClientCertificates : ::testing::Test {
  ServerOptions Asking() const {
    ServerOptions options = shared.Server();
    options.client_ca = shared.folder.authority().certificate;
    return options;
  }
  const Shared& shared = Shared::Get();
};

TEST_F(ClientCertificates, TheSubjectIsKnown) {
  CertificateSpec spec;
  spec.subject = "Zo\xc3\xab, \"quoted\"\r\nX-Evil: 1";
  const Issued own = shared.folder.Issue("client", spec);
  ClientOptions options = shared.Client();
  options.certificate = own.certificate;
  options.key = own.key;
  Pair pair(ServerOf(Asking()), ClientOf(options));
  ASSERT_TRUE(pair.Establish());
  EXPECT_EQ(pair.server->peer_subject(), "CN=Zo\\C3\\AB\\, \\\"quoted\\\"\\0D\\0AX-Evil: 1");
}

TEST_F(ClientCertificates, WithoutOneTheHandshakeFails) {
  Pair pair(ServerOf(Asking()), ClientOf(shared.Client(), TLS1_2_VERSION));
  pair.Until([&] { return pair.server_told.error && pair.client_told.error; });
  ASSERT_TRUE(pair.server_told.error && pair.client_told.error);
  EXPECT_EQ(FailureOf(*pair.server_told.error), HandshakeFailure::kNoCertificate);
  EXPECT_EQ(FailureOf(*pair.client_told.error), HandshakeFailure::kAlert);
}

TEST_F(ClientCertificates, OneOfAnotherAuthorityFails) {
  CertificateFolder other;
  const Issued own = other.Issue("client", Named("client", {}));
  ClientOptions options = shared.Client();
  options.certificate = own.certificate;
  options.key = own.key;
  Pair pair(ServerOf(Asking()), ClientOf(options));
  pair.Until([&] { return pair.server_told.error.has_value(); });
  ASSERT_TRUE(pair.server_told.error);
  EXPECT_EQ(FailureOf(*pair.server_told.error), HandshakeFailure::kBadCertificate);
  EXPECT_NE(Explain(*pair.server_told.error).find("certificate"), std::string::npos);
}

TEST(Versions, BelowTheLeastAreRefused) {
  const Shared& shared = Shared::Get();
  ServerOptions options = shared.Server();
  options.min_version = Version::kTls13;
  Pair pair(ServerOf(options), ClientOf(shared.Client(), TLS1_2_VERSION));
  pair.Until([&] { return pair.server_told.error.has_value(); });
  ASSERT_TRUE(pair.server_told.error);
  EXPECT_EQ(FailureOf(*pair.server_told.error), HandshakeFailure::kVersion);
}

struct Alpn : ::testing::Test {
  std::string Agreed(const std::vector<std::string>& ours, const std::vector<std::string>& theirs) {
    ServerOptions options = Shared::Get().Server();
    options.alpn = ours;
    ClientOptions asking = Shared::Get().Client();
    asking.alpn = theirs;
    Pair pair(ServerOf(options), ClientOf(asking));
    if (pair.Establish()) {
      EXPECT_EQ(pair.client->alpn(), pair.server->alpn());
      return std::string(pair.server->alpn());
    }
    return pair.server_told.error ? Name(FailureOf(*pair.server_told.error)) : "silence";
  }
};

TEST_F(Alpn, OurOrderCountsAndNothingInCommonIsRefused) {
  EXPECT_EQ(Agreed({"http/1.1"}, {"h2", "http/1.1"}), "http/1.1");
  EXPECT_EQ(Agreed({"h2", "http/1.1"}, {"http/1.1", "h2"}), "h2");
  EXPECT_EQ(Agreed({"http/1.1"}, {"h2"}), "alpn");
  EXPECT_EQ(Agreed({}, {"h2"}), "");
  EXPECT_EQ(Agreed({"http/1.1"}, {}), "");
}

struct Verification : ::testing::Test {
  // How the client's handshake ends.
  std::string Outcome(const ClientOptions& options) {
    Pair pair(ServerOf(shared.Server()), ClientOf(options));
    if (pair.Establish()) return "established";
    return pair.client_told.error ? Explain(*pair.client_told.error) : "silence";
  }
  const Shared& shared = Shared::Get();
};

TEST_F(Verification, NeedsATrustedAuthorityAndTheRightName) {
  EXPECT_EQ(Outcome(shared.Client()), "established");
  ClientOptions wrong_name = shared.Client();
  wrong_name.server_name = "b.test";
  EXPECT_EQ(Outcome(wrong_name), "verify the certificate: hostname mismatch");
  CertificateFolder other;
  ClientOptions stranger = shared.Client();
  stranger.ca = other.authority().certificate;
  EXPECT_NE(Outcome(stranger).find("verify the certificate: "), std::string::npos);
  ClientOptions system = shared.Client();
  system.ca.clear();
  EXPECT_NE(Outcome(system).find("verify the certificate: "), std::string::npos);
  stranger.verify = false;
  EXPECT_EQ(Outcome(stranger), "established");
}

TEST_F(Verification, WithoutANameTheAddressIsVerified) {
  ClientOptions options = shared.Client();
  options.server_name.clear();
  EXPECT_EQ(Outcome(options), "established");
  CertificateFolder folder;
  const Issued issued = folder.Issue("b", Named("b", {"10.9.9.9"}));
  options.ca = folder.authority().certificate;
  Pair pair(ServerOf(With(issued.certificate, issued.key)), ClientOf(options));
  pair.Until([&] { return pair.client_told.error.has_value(); });
  ASSERT_TRUE(pair.client_told.error);
  EXPECT_EQ(pair.client_told.error->code, ErrorCode::kInvalid);
  EXPECT_EQ(Explain(*pair.client_told.error), "verify the certificate: IP address mismatch");
}

TEST_F(Verification, AnExpiredCertificateIsRefused) {
  CertificateFolder folder;
  CertificateSpec spec = Named("a", {"a.test"});
  spec.from_seconds = -1000;
  spec.until_seconds = -500;
  const Issued issued = folder.Issue("old", spec);
  ClientOptions options = shared.Client();
  options.ca = folder.authority().certificate;
  Pair pair(ServerOf(With(issued.certificate, issued.key)), ClientOf(options));
  pair.Until([&] { return pair.client_told.error.has_value(); });
  ASSERT_TRUE(pair.client_told.error);
  EXPECT_EQ(Explain(*pair.client_told.error), "verify the certificate: certificate has expired");
}

TEST(ClientContext, FingerprintsFollowOptionsAndFiles) {
  CertificateFolder folder;
  ClientOptions options;
  options.ca = folder.Write("ca.pem", CertificateFolder::ReadAll(folder.authority().certificate));
  const std::string before = ClientOf(options)->fingerprint();
  EXPECT_EQ(ClientOf(options)->fingerprint(), before);
  options.server_name = "a.test";
  EXPECT_NE(ClientOf(options)->fingerprint(), before);
  options.server_name.clear();
  CertificateFolder other;
  folder.Write("ca.pem", CertificateFolder::ReadAll(other.authority().certificate));
  EXPECT_NE(ClientOf(options)->fingerprint(), before);
}

TEST(ClientContext, SaysWhatIsWrongWithWhichFile) {
  CertificateFolder folder;
  const Issued a = folder.Issue("a", Named("a", {}));
  const auto error = [](const ClientOptions& options) {
    Problems problems;
    EXPECT_EQ(ClientContext::Create(options, problems), nullptr);
    return problems.errors.empty() ? "" : problems.errors.front();
  };
  ClientOptions options;
  options.ca = a.key;
  EXPECT_NE(error(options).find(a.key + ": holds no certificates to trust"), std::string::npos);
  options.ca = "/nowhere.pem";
  EXPECT_EQ(error(options), "/nowhere.pem: cannot be read (No such file or directory)");
  options.ca.clear();
  options.certificate = a.certificate;
  options.key = folder.authority().key;
  EXPECT_NE(error(options).find("does not match the certificate"), std::string::npos);
}

}  // namespace
}  // namespace meridian::tls
