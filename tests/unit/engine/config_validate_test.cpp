// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "engine/config.h"
#include "engine/tls_context.h"
#include "tests/support/document_table.h"

namespace quicore {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string problems_of(const Result<>& result) {
  if (result) return "";
  EXPECT_EQ(result.error().kind, Errc::invalid_argument);
  return result.error().reason;
}

constexpr const char* kPage = QUICORE_SOURCE_DIR "/docs/bad-input.md";

// "EndpointConfig: max_window is 0" as "max_window is 0".
std::string without_name(const std::string& problems) {
  return problems.substr(std::min(problems.find(": ") + 2, problems.size()));
}

TEST(EndpointConfig, TheDefaultsAreValid) {
  EXPECT_EQ(problems_of(EndpointConfig{}.validate()), "");
}

struct EndpointCase {
  const char* name;
  std::function<void(EndpointConfig&)> bad;
  const char* expected;
  std::function<void(EndpointConfig&)> good;  // the nearest value that is allowed
};

void PrintTo(const EndpointCase& c, std::ostream* out) { *out << c.name; }

class EndpointConfigField : public testing::TestWithParam<EndpointCase> {};

// spec: EC2 EC29
TEST_P(EndpointConfigField, IsNamedWithItsRangeWhenItIsWrong) {
  EndpointConfig config;
  GetParam().bad(config);
  const std::string problems = problems_of(config.validate());
  EXPECT_THAT(problems, HasSubstr(GetParam().expected));
  EXPECT_TRUE(test::is_documented(kPage, "EndpointConfig", without_name(problems)));
  EndpointConfig other;
  GetParam().good(other);
  EXPECT_EQ(problems_of(other.validate()), "");
}

using E = EndpointConfig;
const EndpointCase kEndpointCases[] = {
    {"address", [](E& c) { c.address = Address(); },
     "address is empty, must be an IPv4 or IPv6 address",
     [](E& c) { c.address = Address::any(Family::ipv6, 443); }},
    {"ipv6_only", [](E& c) { c.udp.ipv6_only = true; },
     "udp.ipv6_only needs an IPv6 address, not 127.0.0.1",
     [](E& c) {
       c.udp.ipv6_only = true;
       c.address = Address::any(Family::ipv6, 0);
     }},
    {"congestion_control", [](E& c) { c.congestion_control = static_cast<CongestionControl>(3); },
     "congestion_control must be cubic, reno or bbr",
     [](E& c) { c.congestion_control = CongestionControl::bbr; }},
    {"payload_too_small", [](E& c) { c.max_payload_size = 1199; },
     "max_payload_size is 1199, must be 1200 to 65507", [](E& c) { c.max_payload_size = 1200; }},
    {"payload_too_large", [](E& c) { c.max_payload_size = 65508; },
     "max_payload_size is 65508, must be 1200 to 65507", [](E& c) { c.max_payload_size = 65507; }},
    {"max_window_zero", [](E& c) { c.max_window = 0; }, "max_window is 0, must be 1 to ",
     [](E& c) { c.max_window = 1; }},
    {"max_stream_window_beyond_varint", [](E& c) { c.max_stream_window = std::uint64_t{1} << 62; },
     "max_stream_window is 4611686018427387904, must be 1 to 4611686018427387903",
     [](E& c) { c.max_stream_window = (std::uint64_t{1} << 62) - 1; }},
    {"retry_token_expiration_zero", [](E& c) { c.retry_token_expiration = 0s; },
     "retry_token_expiration is 0 s, must be 1 s to 604800 s",
     [](E& c) { c.retry_token_expiration = 1s; }},
    {"retry_token_expiration_absurd",
     [](E& c) { c.retry_token_expiration = std::chrono::seconds::max(); },
     "retry_token_expiration is 9223372036854775807 s",
     [](E& c) { c.retry_token_expiration = 604800s; }},
    {"token_expiration", [](E& c) { c.token_expiration = -5s; },
     "token_expiration is -5 s, must be", [](E& c) { c.token_expiration = 1s; }},
    {"rx_loss_high", [](E& c) { c.rx_packet_loss = 1.5; }, "rx_packet_loss is 1.5, must be 0 to 1",
     [](E& c) { c.rx_packet_loss = 1.0; }},
    {"tx_loss_negative", [](E& c) { c.tx_packet_loss = -0.25; },
     "tx_packet_loss is -0.25, must be 0 to 1", [](E& c) { c.tx_packet_loss = 0.0; }},
    {"tx_loss_nan", [](E& c) { c.tx_packet_loss = std::numeric_limits<double>::quiet_NaN(); },
     "tx_packet_loss is nan", [](E& c) { c.tx_packet_loss = 0.5; }},
    {"ttl_zero", [](E& c) { c.udp.ttl = 0; }, "udp.ttl is 0, must be 1 to 255",
     [](E& c) { c.udp.ttl = 1; }},
    {"ttl_high", [](E& c) { c.udp.ttl = 256; }, "udp.ttl is 256, must be 1 to 255",
     [](E& c) { c.udp.ttl = 255; }},
    {"receive_buffer", [](E& c) { c.udp.receive_buffer_size = 0; },
     "udp.receive_buffer_size is 0, must be 1 to 2147483647",
     [](E& c) { c.udp.receive_buffer_size = 1; }},
    {"send_buffer", [](E& c) { c.udp.send_buffer_size = -1; }, "udp.send_buffer_size is -1",
     [](E& c) { c.udp.send_buffer_size = 1 << 20; }},
    {"unacknowledged", [](E& c) { c.unacknowledged_packet_threshold = 0; },
     "unacknowledged_packet_threshold is 0, must be 1 to",
     [](E& c) { c.unacknowledged_packet_threshold = 1; }},
    {"dispatch", [](E& c) { c.dispatch = static_cast<DispatchPolicy>(9); },
     "dispatch must be round_robin or initial_hash",
     [](E& c) { c.dispatch = DispatchPolicy::initial_hash; }},
};

INSTANTIATE_TEST_SUITE_P(All, EndpointConfigField, testing::ValuesIn(kEndpointCases),
                         [](const auto& test) { return std::string(test.param.name); });

// A row of the page that no case above stands behind would be a promise nobody keeps.
template <class Case, std::size_t count>
void expect_a_case_for_every_row(const char* heading, const Case (&cases)[count]) {
  const auto rows = test::table_rows(kPage, heading);
  EXPECT_GE(rows.size(), count);
  for (const test::TableRow& row : rows) {
    const bool known = std::ranges::any_of(cases, [&](const Case& one) {
      return row.cells.back().find(one.expected) != std::string::npos;
    });
    EXPECT_TRUE(known || row.cells[0] == "secure.certificate") << kPage << ':' << row.line;
  }
}

TEST(EndpointConfig, HasACaseForEveryRowOfThePage) {
  expect_a_case_for_every_row("EndpointConfig", kEndpointCases);
}

TEST(EndpointConfig, ReportsEveryProblemAtOnce) {
  EndpointConfig config;
  config.max_payload_size = 10;
  config.udp.ttl = 0;
  config.rx_packet_loss = 2;
  EXPECT_EQ(problems_of(config.validate()),
            "EndpointConfig (3 problems): max_payload_size is 10, must be 1200 to 65507; "
            "rx_packet_loss is 2, must be 0 to 1; udp.ttl is 0, must be 1 to 255");
}

SessionConfig valid(Side side) {
  SessionConfig config;
  if (side == Side::server) config.secure.certificate = {Pem::file("certificate.pem")};
  return config;
}

TEST(SessionConfig, TheDefaultsAreValidForAClient) {
  EXPECT_EQ(problems_of(SessionConfig{}.validate(Side::client)), "");
}

TEST(SessionConfig, AServerNeedsACertificate) {
  const std::string problems = problems_of(SessionConfig{}.validate(Side::server));
  EXPECT_THAT(problems, HasSubstr("secure.certificate is empty, a server must have one"));
  EXPECT_TRUE(test::is_documented(kPage, "SessionConfig", without_name(problems)));
  EXPECT_EQ(problems_of(valid(Side::server).validate(Side::server)), "");
}

struct SessionCase {
  const char* name;
  Side side;
  std::function<void(SessionConfig&)> bad;
  const char* expected;
  std::function<void(SessionConfig&)> good;
};

void PrintTo(const SessionCase& c, std::ostream* out) { *out << c.name; }

class SessionConfigField : public testing::TestWithParam<SessionCase> {};

// spec: SC2
TEST_P(SessionConfigField, IsNamedWithItsRangeWhenItIsWrong) {
  SessionConfig config = valid(GetParam().side);
  GetParam().bad(config);
  const std::string problems = problems_of(config.validate(GetParam().side));
  EXPECT_THAT(problems, HasSubstr(GetParam().expected));
  EXPECT_TRUE(test::is_documented(kPage, "SessionConfig", without_name(problems)));
  SessionConfig other = valid(GetParam().side);
  GetParam().good(other);
  EXPECT_EQ(problems_of(other.validate(GetParam().side)), "");
}

using S = SessionConfig;
const Address kIpv4 = Address::loopback(Family::ipv4, 443);
const Address kIpv6 = Address::loopback(Family::ipv6, 443);
std::shared_ptr<engine::TlsContext> client_context() {
  return value_or_throw(engine::TlsContext::create(Side::client, {.verify = Verify::none}));
}
const SessionCase kSessionCases[] = {
    {"secure_context_of_server", Side::server, [](S& c) { c.secure_context = client_context(); },
     "secure_context is a client's, make it by make_tls_context(Side::server, ...)",
     [](S& c) { c.secure_context = nullptr; }},
    {"alpn_none", Side::client, [](S& c) { c.alpn.clear(); }, "alpn is empty, must name",
     [](S& c) {
       c.alpn = {"h3", "hq-interop"};
     }},
    {"alpn_empty_name", Side::client,
     [](S& c) {
       c.alpn = {"h3", ""};
     },
     "alpn holds a name of 0 bytes, must be 1 to 255", [](S& c) { c.alpn = {"x"}; }},
    {"alpn_long_name", Side::server, [](S& c) { c.alpn = {std::string(256, 'a')}; },
     "alpn holds a name of 256 bytes", [](S& c) { c.alpn = {std::string(255, 'a')}; }},
    {"hostname_long", Side::client, [](S& c) { c.hostname.assign(254, 'a'); },
     "hostname has 254 bytes, must have at most 253", [](S& c) { c.hostname.assign(253, 'a'); }},
    {"hostname_space", Side::client, [](S& c) { c.hostname = "a b"; }, "hostname holds spaces",
     [](S& c) { c.hostname = "::1"; }},
    {"hostname_international", Side::client,
     [](S& c) {
       c.hostname =
           "b\xc3\xbc"
           "cher.example";
     },
     "xn-- form", [](S& c) { c.hostname = "xn--bcher-kva.example"; }},
    {"dcid_short", Side::client, [](S& c) { c.dcid.resize(7); },
     "the size of dcid is 7, must be 8 to 20", [](S& c) { c.dcid.resize(8); }},
    {"dcid_long", Side::client, [](S& c) { c.dcid.resize(21); },
     "the size of dcid is 21, must be 8 to 20", [](S& c) { c.dcid.resize(20); }},
    {"scid_long", Side::client, [](S& c) { c.scid.resize(21); },
     "the size of scid is 21, must be 0 to 20", [](S& c) { c.scid.resize(20); }},
    {"dcid_of_server", Side::server, [](S& c) { c.dcid.resize(8); }, "dcid is for clients only",
     [](S& c) { c.dcid.clear(); }},
    {"scid_of_server", Side::server, [](S& c) { c.scid.resize(8); }, "scid is for clients only",
     [](S& c) { c.scid.clear(); }},
    {"versions_none", Side::client, [](S& c) { c.versions.clear(); }, "versions is empty",
     [](S& c) { c.versions = {QuicVersion::v2}; }},
    {"versions_unknown", Side::client,
     [](S& c) { c.versions = {static_cast<QuicVersion>(0xff00001d)}; },
     "versions holds a version that is neither v1 nor v2",
     [](S& c) {
       c.versions = {QuicVersion::v2, QuicVersion::v1};
     }},
    {"versions_twice", Side::client,
     [](S& c) {
       c.versions = {QuicVersion::v1, QuicVersion::v1};
     },
     "versions names a version twice", [](S& c) { c.versions = {QuicVersion::v1}; }},
    {"handshake_timeout", Side::client, [](S& c) { c.handshake_timeout = 0s; },
     "handshake_timeout is 0 s, must be 1 ms to", [](S& c) { c.handshake_timeout = 1ms; }},
    {"keep_alive", Side::client, [](S& c) { c.keep_alive = -1ms; }, "keep_alive is -1 ms",
     [](S& c) { c.keep_alive = 1s; }},
    {"field_section_small", Side::client, [](S& c) { c.http3.max_field_section_size = 1023; },
     "http3.max_field_section_size is 1023, must be 1024 to 16777216",
     [](S& c) { c.http3.max_field_section_size = 1024; }},
    {"qpack_table", Side::client, [](S& c) { c.http3.qpack_table_capacity = 1048577; },
     "http3.qpack_table_capacity is 1048577, must be 0 to 1048576",
     [](S& c) { c.http3.qpack_table_capacity = 0; }},
    {"qpack_encoder_table", Side::server,
     [](S& c) { c.http3.qpack_encoder_table_capacity = 1048577; },
     "http3.qpack_encoder_table_capacity is 1048577, must be 0 to 1048576",
     [](S& c) { c.http3.qpack_encoder_table_capacity = 1048576; }},
    {"qpack_blocked", Side::server, [](S& c) { c.http3.qpack_blocked_streams = 65537; },
     "http3.qpack_blocked_streams is 65537, must be 0 to 65536",
     [](S& c) { c.http3.qpack_blocked_streams = 65536; }},
    {"http_datagrams", Side::client,
     [](S& c) {
       c.http3.datagrams = true;
       c.transport.max_datagram_frame_size = 0;
     },
     "http3.datagrams needs transport.max_datagram_frame_size above 0",
     [](S& c) { c.http3.datagrams = true; }},
    {"keep_alive_idle", Side::client, [](S& c) { c.keep_alive = 30s; },
     "keep_alive is 30 s, must be shorter than transport.max_idle_timeout, 30 s",
     [](S& c) { c.keep_alive = 29s; }},
    {"ack_delay_exponent", Side::client, [](S& c) { c.transport.ack_delay_exponent = 21; },
     "transport.ack_delay_exponent is 21, must be 0 to 20",
     [](S& c) { c.transport.ack_delay_exponent = 20; }},
    {"active_ids_few", Side::client, [](S& c) { c.transport.active_connection_id_limit = 1; },
     "transport.active_connection_id_limit is 1, must be 2 to 4",
     [](S& c) { c.transport.active_connection_id_limit = 2; }},
    {"active_ids_many", Side::client, [](S& c) { c.transport.active_connection_id_limit = 5; },
     "transport.active_connection_id_limit is 5, must be 2 to 4",
     [](S& c) { c.transport.active_connection_id_limit = 4; }},
    {"initial_max_data", Side::client, [](S& c) { c.transport.initial_max_data = ~0ull; },
     "transport.initial_max_data is 18446744073709551615",
     [](S& c) { c.transport.initial_max_data = 0; }},
    {"bidi_local", Side::client,
     [](S& c) { c.transport.initial_max_stream_data_bidi_local = ~0ull; },
     "transport.initial_max_stream_data_bidi_local",
     [](S& c) { c.transport.initial_max_stream_data_bidi_local = 0; }},
    {"bidi_remote", Side::client,
     [](S& c) { c.transport.initial_max_stream_data_bidi_remote = ~0ull; },
     "transport.initial_max_stream_data_bidi_remote",
     [](S& c) { c.transport.initial_max_stream_data_bidi_remote = 0; }},
    {"uni", Side::client, [](S& c) { c.transport.initial_max_stream_data_uni = ~0ull; },
     "transport.initial_max_stream_data_uni",
     [](S& c) { c.transport.initial_max_stream_data_uni = 0; }},
    {"streams_bidi", Side::client,
     [](S& c) { c.transport.initial_max_streams_bidi = (1ull << 60) + 1; },
     "transport.initial_max_streams_bidi is 1152921504606846977, must be 0 to "
     "1152921504606846976",
     [](S& c) { c.transport.initial_max_streams_bidi = 1ull << 60; }},
    {"streams_uni", Side::client, [](S& c) { c.transport.initial_max_streams_uni = ~0ull; },
     "transport.initial_max_streams_uni", [](S& c) { c.transport.initial_max_streams_uni = 0; }},
    {"max_ack_delay", Side::client, [](S& c) { c.transport.max_ack_delay = 16384ms; },
     "transport.max_ack_delay is 16384 ms, must be 0 s to 16383 ms",
     [](S& c) { c.transport.max_ack_delay = 16383ms; }},
    {"max_datagram_frame_size", Side::client,
     [](S& c) { c.transport.max_datagram_frame_size = ~0ull; }, "transport.max_datagram_frame_size",
     [](S& c) { c.transport.max_datagram_frame_size = 0; }},
    {"max_idle_timeout", Side::client, [](S& c) { c.transport.max_idle_timeout = -1s; },
     "transport.max_idle_timeout is -1 s", [](S& c) { c.transport.max_idle_timeout = 0s; }},
    {"preferred_of_client", Side::client, [](S& c) { c.transport.preferred_address_ipv4 = kIpv4; },
     "transport.preferred_address_ipv4 is for servers only",
     [](S& c) { c.use_preferred_address = false; }},
    {"preferred_ipv4_family", Side::server,
     [](S& c) { c.transport.preferred_address_ipv4 = kIpv6; },
     "transport.preferred_address_ipv4 must be an IPv4 address",
     [](S& c) { c.transport.preferred_address_ipv4 = kIpv4; }},
    {"preferred_ipv6_family", Side::server,
     [](S& c) { c.transport.preferred_address_ipv6 = kIpv4; },
     "transport.preferred_address_ipv6 must be an IPv6 address",
     [](S& c) { c.transport.preferred_address_ipv6 = kIpv6; }},
    {"preferred_without_port", Side::server,
     [](S& c) { c.transport.preferred_address_ipv4 = Address::loopback(Family::ipv4, 0); },
     "transport.preferred_address_ipv4 is 127.0.0.1:0, must name one address and port",
     [](S& c) { c.transport.preferred_address_ipv4 = kIpv4; }},
};

INSTANTIATE_TEST_SUITE_P(All, SessionConfigField, testing::ValuesIn(kSessionCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(SessionConfig, HasACaseForEveryRowOfThePage) {
  expect_a_case_for_every_row("SessionConfig", kSessionCases);
}

// --- the page ------------------------------------------------------------------------------------

std::string text_of_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(std::string(QUICORE_SOURCE_DIR "/") + path).rdbuf();
  return text.str();
}

// The names of the data members, as the header writes them.
std::vector<std::string> fields_of(const std::string& header, const std::string& type) {
  const std::string all = text_of_file(header);
  const std::size_t begin = all.find("\nstruct " + type + " {");
  const std::string body = all.substr(begin, all.find("\n};", begin) - begin);
  const std::regex field(
      R"(\n  (?:[\w:]+(?:<.*>)?|[\w:]+<.*>\s+)\s+(\w+)(?:\{[^\n]*\}| =[^\n]*)?;)");
  std::vector<std::string> names;
  for (std::sregex_iterator at(body.begin(), body.end(), field), end; at != end; ++at) {
    names.push_back((*at)[1]);
  }
  return names;
}

// Either a row tells what is wrong for it, or the text below the table that nothing is.
TEST(BadInputPage, NamesEveryFieldOfEveryConfiguration) {
  struct Part {
    const char *header, *type, *heading, *prefix;
    std::size_t at_least;
  };
  const std::string page = text_of_file("docs/bad-input.md");
  for (const Part& part :
       {Part{"engine/config.h", "EndpointConfig", "EndpointConfig", "", 19},
        Part{"engine/config.h", "UdpConfig", "EndpointConfig", "udp.", 8},
        Part{"engine/config.h", "SessionConfig", "SessionConfig", "", 12},
        Part{"engine/config.h", "TransportParams", "SessionConfig", "transport.", 14},
        Part{"engine/tls_settings.h", "TlsSettings", "TlsSettings", "", 28}}) {
    const std::size_t begin = page.find(std::string("\n## ") + part.heading + "\n");
    ASSERT_NE(begin, std::string::npos);
    const std::string section = page.substr(begin, page.find("\n## ", begin + 1) - begin);
    const auto fields = fields_of(part.header, part.type);
    EXPECT_GE(fields.size(), part.at_least) << part.type << " is written otherwise than expected";
    for (const std::string& field : fields) {
      EXPECT_THAT(section, testing::HasSubstr("`" + std::string(part.prefix) + field + "`"))
          << part.type;
    }
  }
}

TEST(SessionConfig, ReportsEveryProblemAtOnce) {
  SessionConfig config;
  config.alpn.clear();
  config.versions.clear();
  EXPECT_EQ(
      problems_of(config.validate(Side::client)),
      "SessionConfig of a client (2 problems): alpn is empty, must name at least one protocol "
      "such as h3; versions is empty, must name at least one");
}

}  // namespace
}  // namespace quicore
