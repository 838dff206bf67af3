// SPDX-License-Identifier: Apache-2.0
#include "tools/server/http_content.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/server/http_date.h"

namespace quicore::tools {
namespace {

constexpr std::int64_t kSunday = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110 5.6.7

SiteFile file() {
  SiteFile file;
  file.path = "/srv/page.html";
  file.size = 1000;
  file.modified = kSunday * 1'000'000'000 + 5;
  file.type = "text/html";
  return file;
}

Headers get(std::initializer_list<Field> fields = {}) {
  Headers headers{{":method", "GET"}};
  for (const Field& field : fields) headers.add(field.name, field.value);
  return headers;
}

std::string status_of(std::initializer_list<Field> fields) {
  return std::string(answer_for(get(fields), file(), false).headers.get(":status").value_or(""));
}

TEST(HttpDate, IsReadInItsThreeForms) {
  EXPECT_EQ(http_date(kSunday), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), kSunday);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), kSunday);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), kSunday);
  EXPECT_FALSE(parse_http_date("yesterday"));
  EXPECT_FALSE(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT and more"));
  EXPECT_FALSE(parse_http_date(""));
}

TEST(HttpContent, AWholeFileComesWithItsValidators) {
  const ContentAnswer answer = answer_for(get(), file(), false);
  EXPECT_EQ(answer.headers.get(":status"), "200");
  EXPECT_EQ(answer.headers.get("content-length"), "1000");
  EXPECT_EQ(answer.headers.get("etag"), etag_of(file()));
  EXPECT_EQ(answer.headers.get("last-modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(answer.headers.get("accept-ranges"), "bytes");
  EXPECT_FALSE(answer.headers.contains("vary"));
  EXPECT_TRUE(answer.has_body);
  EXPECT_EQ(answer.length, 1000u);
}

TEST(HttpContent, AnotherSizeOrTimeIsAnotherTag) {
  SiteFile larger = file();
  larger.size = 1001;
  SiteFile later = file();
  later.modified += 1;
  EXPECT_NE(etag_of(file()), etag_of(larger));
  EXPECT_NE(etag_of(file()), etag_of(later));
}

TEST(HttpContent, ConditionsAreTakenInTheOrderOfTheRfc) {
  const std::string tag = etag_of(file());
  const std::string weak = "W/" + tag;
  const std::string several = "\"other\", " + tag;
  constexpr std::string_view kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
  constexpr std::string_view kThen = "Sun, 06 Nov 1994 08:49:37 GMT";
  EXPECT_EQ(status_of({{"if-none-match", tag}}), "304");
  EXPECT_EQ(status_of({{"if-none-match", weak}}), "304") << "compared weakly";
  EXPECT_EQ(status_of({{"if-none-match", several}}), "304");
  EXPECT_EQ(status_of({{"if-none-match", "*"}}), "304");
  EXPECT_EQ(status_of({{"if-none-match", "\"other\""}}), "200");
  EXPECT_EQ(status_of({{"if-none-match", "\"other\""}, {"if-modified-since", kThen}}), "200")
      << "the date counts only where there is no tag";
  EXPECT_EQ(status_of({{"if-modified-since", kThen}}), "304");
  EXPECT_EQ(status_of({{"if-modified-since", kBefore}}), "200");
  EXPECT_EQ(status_of({{"if-modified-since", "nonsense"}}), "200");
  EXPECT_EQ(status_of({{"if-match", tag}}), "200");
  EXPECT_EQ(status_of({{"if-match", weak}}), "412") << "compared strongly";
  EXPECT_EQ(status_of({{"if-match", "\"other\""}}), "412");
  EXPECT_EQ(status_of({{"if-unmodified-since", kBefore}}), "412");
  EXPECT_EQ(status_of({{"if-unmodified-since", kThen}}), "200");
  EXPECT_EQ(status_of({{"if-match", "\"other\""}, {"if-none-match", tag}}), "412");
  const ContentAnswer unchanged = answer_for(get({{"if-none-match", tag}}), file(), true);
  EXPECT_FALSE(unchanged.has_body);
  EXPECT_FALSE(unchanged.headers.contains("content-length"));
  EXPECT_EQ(unchanged.headers.get("vary"), "accept-encoding");
}

struct RangeCase {
  const char* field;
  RangeKind kind;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

TEST(HttpContent, RangesAreReadAsWritten) {
  const std::vector<RangeCase> cases = {
      {"bytes=0-99", RangeKind::one, 0, 99},
      {"bytes=900-", RangeKind::one, 900, 999},
      {"bytes=-100", RangeKind::one, 900, 999},
      {"bytes=-5000", RangeKind::one, 0, 999},
      {"bytes=10-5000", RangeKind::one, 10, 999},
      {"bytes= 0 - 0 ", RangeKind::one, 0, 0},
      {"bytes=1000-", RangeKind::unsatisfiable},
      {"bytes=-0", RangeKind::unsatisfiable},
      {"bytes=99-0", RangeKind::none},
      {"bytes=a-b", RangeKind::none},
      {"bytes=1-2x", RangeKind::none},
      {"bytes=-", RangeKind::none},
      {"bytes=0-1,5-6", RangeKind::none},
      {"lines=0-1", RangeKind::none},
      {"bytes=18446744073709551616-", RangeKind::none},
  };
  for (const RangeCase& one : cases) {
    ByteRange range;
    EXPECT_EQ(parse_range(one.field, 1000, range), one.kind) << one.field;
    if (one.kind != RangeKind::one) continue;
    EXPECT_EQ(range.first, one.first) << one.field;
    EXPECT_EQ(range.last, one.last) << one.field;
  }
  ByteRange range;
  EXPECT_EQ(parse_range("bytes=0-", 0, range), RangeKind::unsatisfiable);
}

TEST(HttpContent, APartIsAnsweredAsOne) {
  const ContentAnswer part = answer_for(get({{"range", "bytes=100-199"}}), file(), false);
  EXPECT_EQ(part.headers.get(":status"), "206");
  EXPECT_EQ(part.headers.get("content-range"), "bytes 100-199/1000");
  EXPECT_EQ(part.headers.get("content-length"), "100");
  EXPECT_EQ(part.offset, 100u);
  EXPECT_EQ(part.length, 100u);
  const ContentAnswer beyond = answer_for(get({{"range", "bytes=1000-"}}), file(), false);
  EXPECT_EQ(beyond.headers.get(":status"), "416");
  EXPECT_EQ(beyond.headers.get("content-range"), "bytes */1000");
  EXPECT_FALSE(beyond.has_body);
}

TEST(HttpContent, APartOfAnotherVersionIsTheWholeFile) {
  const std::string tag = etag_of(file());
  EXPECT_EQ(status_of({{"range", "bytes=0-1"}, {"if-range", tag}}), "206");
  EXPECT_EQ(status_of({{"range", "bytes=0-1"}, {"if-range", "\"other\""}}), "200");
  EXPECT_EQ(status_of({{"range", "bytes=0-1"}, {"if-range", "W/\"weak\""}}), "200");
  EXPECT_EQ(status_of({{"range", "bytes=0-1"}, {"if-range", "Sun, 06 Nov 1994 08:49:37 GMT"}}),
            "206");
  EXPECT_EQ(status_of({{"range", "bytes=0-1"}, {"if-range", "Sun, 06 Nov 1994 08:49:36 GMT"}}),
            "200");
}

TEST(HttpContent, HeadIgnoresRanges) {
  const Headers head{{":method", "HEAD"}, {"range", "bytes=0-1"}};
  EXPECT_EQ(answer_for(head, file(), false).headers.get(":status"), "200");
}

TEST(HttpContent, TheClientChoosesAmongEncodings) {
  std::vector<SiteFile> encoded(2, file());
  encoded[0].encoding = "br";
  encoded[1].encoding = "gzip";
  const auto chosen = [&](std::string_view field) -> std::string_view {
    const SiteFile* choice = preferred_encoding(field, encoded);
    return choice != nullptr ? choice->encoding : "none";
  };
  EXPECT_EQ(chosen(""), "none");
  EXPECT_EQ(chosen("gzip, deflate, br, zstd"), "br");
  EXPECT_EQ(chosen("gzip"), "gzip");
  EXPECT_EQ(chosen("x-gzip"), "gzip");
  EXPECT_EQ(chosen("br;q=0, gzip;q=0.5"), "gzip");
  EXPECT_EQ(chosen("br;q=0.0,gzip;q=0"), "none");
  EXPECT_EQ(chosen("*"), "br");
  EXPECT_EQ(chosen("br;q=0, *"), "gzip");
  EXPECT_EQ(chosen("*;q=0"), "none");
  const ContentAnswer answer = answer_for(get(), encoded[0], true);
  EXPECT_EQ(answer.headers.get("content-encoding"), "br");
  EXPECT_EQ(answer.headers.get("vary"), "accept-encoding");
}

}  // namespace
}  // namespace quicore::tools
