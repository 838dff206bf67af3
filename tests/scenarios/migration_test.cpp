// SPDX-License-Identifier: Apache-2.0
//
// Sessions that change their address, by the public API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/api_node.h"

namespace quicore::test {
namespace {

using namespace sim;
using namespace std::chrono_literals;

constexpr std::size_t kDownloadSize = 2 * 1024 * 1024;
constexpr std::size_t kInMidTransfer = kDownloadSize / 4;

// A client that downloads, with a hook in mid transfer.
class Download {
 public:
  explicit Download(WorldOptions options)
      : pair(std::move(options), {Delay{10ms}, Bandwidth{50_Mbit, 128_KiB}}) {
    serving_ = pair.server.endpoint.on_session().add_listener([this](Session session) {
      session.on_stream() = [this](StreamEvent event) {
        event.stream.discard();
        EXPECT_TRUE(event.respond_with({.body = content}).has_value());
      };
    });
  }

  // Runs to the end; `in_mid_transfer` is called once.
  void run(std::move_only_function<void(Session)> in_mid_transfer) {
    pair.connect("xyz");
    pair.settle(50ms);  // spare connection IDs are here
    pair.run(fetch(std::move(in_mid_transfer)));
  }

  ApiPair pair;
  const std::string content = pattern(kDownloadSize);
  std::string received;

 private:
  Task<> fetch(std::move_only_function<void(Session)> in_mid_transfer) {
    auto stream = value_or_throw(pair.session.open({.body = "please"}));
    const Reader reader = stream.reader();
    for (;;) {
      auto chunk = value_or_throw(co_await reader.next());
      if (!chunk) co_return;
      received.append(chunk->text());
      if (in_mid_transfer && received.size() >= kInMidTransfer) {
        std::exchange(in_mid_transfer, nullptr)(pair.session);
      }
    }
  }

  Subscription serving_;
};

TEST(SessionMigration, ADownloadGoesOnFromAnotherPort) {
  Download download(this_test());
  Address before;
  download.run([&](Session session) {
    before = session.local_address();
    const auto moved = session.migrate();
    ASSERT_TRUE(moved.has_value()) << moved.error().reason;
  });
  EXPECT_TRUE(download.received == download.content);
  EXPECT_EQ(download.pair.session.local_address().host(), before.host());
  EXPECT_NE(download.pair.session.local_address().port(), before.port());
  EXPECT_EQ(download.pair.accepted.remote_address(), download.pair.session.local_address());
}

TEST(SessionMigration, ADownloadGoesOnFromAnotherInterface) {
  Download download(this_test());
  ApiPair& pair = download.pair;
  const Address mobile = pair.world.add_address(pair.client.host());
  pair.world.connect(End(pair.client.host(), mobile), pair.server.host(), {Delay{40ms}});
  download.run([&](Session session) {
    const auto moved = session.migrate(mobile);
    ASSERT_TRUE(moved.has_value()) << moved.error().reason;
  });
  EXPECT_TRUE(download.received == download.content);
  EXPECT_EQ(pair.session.local_address().host(), mobile.host());
  EXPECT_EQ(pair.accepted.remote_address(), pair.session.local_address());
}

// RFC 9000 9.3: the server sees another address, validates it and goes on.
TEST(SessionMigration, ADownloadSurvivesANatThatForgetsItsMapping) {
  Download download(this_test());
  Address before;
  download.run([&](Session session) {
    before = session.local_address();
    const auto moved = session.rebind();
    ASSERT_TRUE(moved.has_value()) << moved.error().reason;
  });
  EXPECT_TRUE(download.received == download.content);
  EXPECT_NE(download.pair.session.local_address().port(), before.port());
  EXPECT_EQ(download.pair.accepted.remote_address(), download.pair.session.local_address());
}

// Also at moments in which the client owes no acknowledgement: what the server sent to the former
// address has to draw one from the new address, or nobody would ever speak again.
TEST(SessionMigration, ADownloadSurvivesARebindingAtAnyMoment) {
  constexpr std::size_t kSize = 400'000;
  constexpr Duration kStep = 777us;
  for (int step = 0; step < 300; ++step) {
    ApiPair pair(this_test(), {Delay{20ms}, Bandwidth{500_Mbit, 256_KiB}});
    const Subscription serving =
        pair.server.endpoint.on_session().add_listener([](Session session) {
          session.on_stream() = [](StreamEvent event) {
            event.stream.discard();
            EXPECT_TRUE(event.respond_with({.body = pattern(kSize)}).has_value());
          };
        });
    pair.connect("xyz");
    auto stream = value_or_throw(pair.session.open({.body = "please"}));
    std::size_t received = 0;
    auto fetch = [&]() -> Task<> {
      const Reader reader = stream.reader();
      while (auto chunk = value_or_throw(co_await reader.next())) received += chunk->size();
    };
    auto rebind = [&]() -> Task<> {
      (void)co_await pair.client.shard().sleep_for(step * kStep);
      const auto moved = pair.session.rebind();
      EXPECT_TRUE(moved.has_value()) << moved.error().reason;
    };
    pair.client.shard().spawn(fetch());
    pair.client.shard().spawn(rebind());
    pair.settle(5s);
    ASSERT_EQ(received, kSize) << "rebound after " << step << " steps";
  }
}

TEST(SessionMigration, MovesAgainAndAgainWithoutKeepingSockets) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  // A port binds one socket at a time, so what can be bound again has been closed.
  Address first;
  for (int i = 0; i < 6; ++i) {
    pair.settle(500ms);
    const auto moved = pair.session.migrate();
    ASSERT_TRUE(moved.has_value()) << i << ": " << moved.error().reason;
    pair.settle(500ms);
    if (i == 0) first = pair.session.local_address();
    EXPECT_EQ(pair.accepted.remote_address(), pair.session.local_address()) << i;
  }
  EXPECT_TRUE(Endpoint::create(pair.client.shard(), {.address = first}).has_value());
}

TEST(SessionMigration, TheSocketIsClosedWithTheSession) {
  ApiPair pair(this_test());
  pair.connect("xyz");
  pair.settle();
  ASSERT_TRUE(pair.session.migrate().has_value());
  pair.settle();
  const Address moved_to = pair.session.local_address();
  const auto taken = Endpoint::create(pair.client.shard(), {.address = moved_to});
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().kind, Errc::system);
  pair.session.close();
  pair.settle(10s);
  EXPECT_TRUE(Endpoint::create(pair.client.shard(), {.address = moved_to}).has_value());
}

TEST(SessionMigration, IsRefusedWhereItCannotBe) {
  ApiPair pair(this_test());
  value_or_throw(pair.server.endpoint.listen(server_config("xyz")));
  pair.session = value_or_throw(
      pair.client.endpoint.connect(*pair.server.endpoint.address(), client_config("xyz")));
  EXPECT_EQ(pair.session.migrate().error().kind, Errc::invalid_state) << "before the handshake";
  const auto confirmed = pair.session.confirmed();
  pair.run_until([&] { return confirmed.ready(); });
  pair.settle();
  EXPECT_EQ(pair.session.migrate(Address::loopback(Family::ipv6, 0)).error().kind,
            Errc::invalid_argument);
  EXPECT_EQ(pair.session.migrate(*Address::parse("192.0.2.1", 0)).error().kind, Errc::system);
  pair.session.cancel();
  EXPECT_EQ(pair.session.migrate().error().kind, Errc::closed);
}

TEST(SessionMigration, IsRefusedWhereTheServerForbidsIt) {
  ApiPair pair(this_test());
  SessionConfig fixed = server_config("xyz");
  fixed.transport.disable_active_migration = true;
  pair.connect(std::move(fixed), client_config("xyz"));
  pair.settle();
  const auto moved = pair.session.migrate();
  ASSERT_FALSE(moved.has_value());
  EXPECT_THAT(moved.error().reason, testing::HasSubstr("disable_active_migration"));
  EXPECT_EQ(pair.accepted.migrate().error().kind, Errc::not_supported);
}

}  // namespace
}  // namespace quicore::test
