// SPDX-License-Identifier: Apache-2.0
#include "engine/host_table.h"

#include <gtest/gtest.h>

#include <list>
#include <map>

#include "engine/limits.h"
#include "io/random.h"

namespace quicore::engine {
namespace {

Address host(std::uint32_t number, std::uint16_t port = 1) {
  return *Address::parse(
      "10.0." + std::to_string(number / 256) + "." + std::to_string(number % 256), port);
}

Instant at(Duration time) { return Instant(time); }

using namespace std::chrono_literals;

TEST(HostTable, AHostIsOneWhateverItsPortOrTheFamilyOfTheSocket) {
  HostTable table(10, {1, 2});
  table.use(*Address::parse("192.0.2.1", 1000), at(1s)).retries = 3;
  const Host* mapped = table.find(*Address::parse("::ffff:192.0.2.1", 2000));
  ASSERT_NE(mapped, nullptr);
  EXPECT_EQ(mapped->retries, 3u);
  EXPECT_EQ(table.find(*Address::parse("192.0.2.2", 1000)), nullptr);
}

TEST(HostTable, ForgetsTheLeastRecentlyUsedHost) {
  HostTable table(2, {1, 2});
  table.use(host(1), at(1s));
  table.use(host(2), at(2s));
  table.use(host(1), at(3s));
  table.use(host(3), at(4s));
  EXPECT_NE(table.find(host(1)), nullptr);
  EXPECT_EQ(table.find(host(2)), nullptr);
  EXPECT_NE(table.find(host(3)), nullptr);
}

TEST(HostTable, NeverForgetsAHostWithConnections) {
  HostTable table(1, {1, 2});
  table.connection_added(host(1));
  for (std::uint32_t i = 2; i < 100; ++i) table.use(host(i), at(1s));
  ASSERT_NE(table.find(host(1)), nullptr);
  EXPECT_EQ(table.find(host(1))->connections, 1u);
  EXPECT_EQ(table.size(), 2u);
  table.connection_removed(host(1));
  table.use(host(100), at(2s));
  EXPECT_EQ(table.find(host(1)), nullptr);
}

TEST(HostTable, WithoutCapacityItStillHoldsTheHostInUse) {
  HostTable table(0, {1, 2});
  table.use(host(1), at(1s)).retries = 7;
  EXPECT_EQ(table.use(host(1), at(1s)).retries, 7u);
  table.use(host(2), at(1s));
  EXPECT_EQ(table.size(), 1u);
}

TEST(HostTable, CountersStartAfreshAfterTheirPeriod) {
  HostTable table(10, {1, 2});
  table.use(host(1), at(5s)).retries = 4;
  table.use(host(1), at(5s)).stateless_resets = 5;
  const Duration end = 5s + limits::kHostCounterPeriod;
  EXPECT_EQ(table.use(host(1), at(end - 1ns)).retries, 4u);
  EXPECT_EQ(table.use(host(1), at(end)).retries, 0u);
  EXPECT_EQ(table.find(host(1))->stateless_resets, 0u);
}

TEST(HostTable, Ipv6HostsAreToldApartByTheirLastBit) {
  HostTable table(10, {1, 2});
  table.connection_added(*Address::parse("2001:db8::1", 1));
  EXPECT_EQ(table.find(*Address::parse("2001:db8::", 1)), nullptr);
  EXPECT_EQ(table.find(*Address::parse("2001:db8::1", 9))->connections, 1u);
}

class HostTableProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(HostTableProperty, AgreesWithAPlainModel) {
  io::Random random = io::Random::seeded(GetParam());
  const std::size_t capacity = 1 + random.below(20);
  HostTable table(capacity, {random.next(), random.next()});
  std::list<std::uint32_t> idle;  // oldest use first
  std::map<std::uint32_t, std::uint64_t> connections;
  for (int step = 0; step < 5000; ++step) {
    const auto number = static_cast<std::uint32_t>(random.below(40));
    bool used = true;
    switch (random.below(3)) {
      case 0:
        table.use(host(number), at(1s));
        break;
      case 1:
        table.connection_added(host(number));
        ++connections[number];
        break;
      default:
        used = connections.contains(number);
        if (!used) break;
        table.connection_removed(host(number));
        if (--connections[number] == 0) connections.erase(number);
    }
    if (used) {
      idle.remove(number);
      if (!connections.contains(number)) idle.push_back(number);
      if (idle.size() > capacity) idle.pop_front();
    }
    ASSERT_EQ(table.size(), idle.size() + connections.size());
    for (const std::uint32_t each : idle) ASSERT_NE(table.find(host(each)), nullptr);
    for (const auto& [each, count] : connections) {
      ASSERT_EQ(table.find(host(each))->connections, count);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, HostTableProperty, testing::Range<std::uint64_t>(0, 5));

}  // namespace
}  // namespace quicore::engine
