// Targets, errors, and who may change something.
#include "admin/message.h"

#include <gtest/gtest.h>

#include "admin/access.h"
#include "admin/text.h"

namespace meridian::admin {
namespace {

TEST(ParseTarget, SplitsAndDecodesPathAndParameters) {
  Request request;
  ASSERT_TRUE(
      ParseTarget("/v1/sites/d%61llas?service=web&header=X-A%3Ab%20c&&force&x=1+1", request));
  EXPECT_EQ(request.path, "/v1/sites/dallas");
  EXPECT_EQ(request.Parameter("service"), "web");
  EXPECT_EQ(request.Parameter("header"), "X-A:b c");
  EXPECT_EQ(request.Parameter("x"), "1+1");
  EXPECT_TRUE(request.Flag("force"));
  EXPECT_FALSE(request.Flag("x"));
  EXPECT_FALSE(request.Parameter("absent").has_value());
}

TEST(ParseTarget, RefusesBadEncodingAndTooManyParameters) {
  for (const char* target : {"/a%", "/a%4", "/a%zz", "/a%00", "/a?b=%f"}) {
    Request request;
    EXPECT_FALSE(ParseTarget(target, request)) << target;
  }
  std::string many = "/a?";
  for (int i = 0; i < 65; ++i) many += "b=c&";
  Request request;
  EXPECT_FALSE(ParseTarget(many, request));
}

TEST(ErrorResponse, IsJsonWhateverTheMessageHolds) {
  const Response response = ErrorResponse(404, "not-found", "no \"site\"\n\xff");
  EXPECT_EQ(
      response.body,
      "{\"error\":{\"code\":\"not-found\",\"message\":\"no \\\"site\\\"\\n\xef\xbf\xbd\"}}\n");
}

TEST(UnknownName, GivesTheNearestOneThatIsKnown) {
  const std::string_view known[] = {"atlanta", "dallas"};
  EXPECT_EQ(UnknownName("site", "dalas", known),
            "no site is named 'dalas'; did you mean 'dallas'?");
  EXPECT_EQ(UnknownName("site", "tokyo", known), "no site is named 'tokyo'");
}

TEST(RefuseChange, UnixSocketNeedsNoToken) {
  EXPECT_FALSE(RefuseChange({}, {.address = {}, .token = {}, .trusted = true}).has_value());
}

TEST(RefuseChange, TcpNeedsTheToken) {
  const ServerOptions options{.address = {}, .token = "s3cret", .trusted = false};
  Request request;
  EXPECT_EQ(RefuseChange(request, options)->status, 401);
  EXPECT_TRUE(RefuseChange(request, options)->challenge);
  for (const char* wrong : {"Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crets",
                            "Bearer s3crets3cret", "Basic s3cret"}) {
    request.authorization = wrong;
    EXPECT_EQ(RefuseChange(request, options)->status, 401) << wrong;
  }
  for (const char* right : {"Bearer s3cret", "bearer s3cret", "Bearer  s3cret"}) {
    request.authorization = right;
    EXPECT_FALSE(RefuseChange(request, options).has_value()) << right;
  }
}

TEST(RefuseChange, TcpWithoutATokenFileIsReadOnly) {
  Request request;
  request.authorization = "Bearer ";
  EXPECT_EQ(RefuseChange(request, {})->status, 403);
}

TEST(RefuseChange, PageInABrowserMayNotEvenWithTheToken) {
  Request request;
  request.authorization = "Bearer s3cret";
  request.has_origin = true;
  EXPECT_EQ(RefuseChange(request, {.address = {}, .token = "s3cret", .trusted = false})->status,
            403);
  EXPECT_EQ(RefuseChange(request, {.address = {}, .token = {}, .trusted = true})->status, 403);
}

}  // namespace
}  // namespace meridian::admin
